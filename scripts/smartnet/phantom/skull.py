"""Everything around the brain: scalp, face, skull with its base, sinuses, mastoids."""

import numpy as np

from smartnet.phantom.canvas import Canvas
from smartnet.phantom.fields import ellipsoid, smoothstep
from smartnet.phantom.head import Head

CAVITY_MM = (67.0, 83.0, 74.0)
CAVITY_DOWN_MM = 66.0
ORBIT_ROOF_MM, MIDDLE_FOSSA_MM, POSTERIOR_FOSSA_MM = -14.0, -40.0, -66.0
FRONT_EDGE_MM, BACK_EDGE_MM = -43.0, -66.0


def petrous_line(ax: np.ndarray) -> np.ndarray:
    """Give the y (mm) of the petrous ridge, between middle and posterior fossa, by distance from midline."""
    return 2 + np.float32(0.42) * ax


def _vault(canvas: Canvas, head: Head) -> np.ndarray:
    """Signed distance in mm to the inner table, as if the skull had no floor."""
    width = 1 + np.float32(head.egg / 80) * np.clip(canvas.y, -80, 80)
    z = np.where(canvas.z > 0, canvas.z, canvas.z * np.float32(CAVITY_MM[2] / CAVITY_DOWN_MM))
    return ellipsoid(canvas.x / width, canvas.y, z, CAVITY_MM)


def _floor(canvas: Canvas) -> np.ndarray:
    """Height in mm of the floor of the three fossae."""
    ax, y = canvas.ax, canvas.y
    middle = smoothstep(y + np.float32(0.28) * ax, -30, -14)
    roof = (
        ORBIT_ROOF_MM
        - 3
        + 12 * smoothstep(-y, 38, 78)
        + 6 * np.exp(-np.square((ax - 30) * np.float32(1 / 14)))
    )
    roof -= 6 * smoothstep(-ax, -12, -4)
    bowl = np.square((ax - 38) * np.float32(1 / 20)) + np.square((y + 8) * np.float32(1 / 26))
    floor = roof + middle * (MIDDLE_FOSSA_MM - 3 + 9 * np.minimum(bowl, 1.6) - roof)
    sella = smoothstep(-ax, -22, -11) * smoothstep(-y, -8, 2) * middle
    floor += sella * 4
    back = smoothstep(y - petrous_line(ax), -5, 5)
    return floor + back * (POSTERIOR_FOSSA_MM - floor)


def cavity_depth(canvas: Canvas, head: Head) -> tuple[np.ndarray, np.ndarray]:
    """Give how deep each point lies inside the inner table, and the vault's signed distance alone.

    Returns:
        depth in mm (positive inside the cranial cavity) and signed distance in mm to the vault.
    """
    vault = _vault(canvas, head)
    if not canvas.reaches(-80, 5):
        return -vault, vault
    return np.minimum(-vault, (canvas.z - _floor(canvas)) * np.float32(0.8)), vault


def skin_distance(canvas: Canvas, head: Head) -> np.ndarray:
    """Give the signed distance in mm to the skin."""
    over = head.skull_mm + head.scalp_mm
    width = 1 + np.float32(head.egg / 80) * np.clip(canvas.y, -80, 80)
    z = np.where(canvas.z > 0, canvas.z, canvas.z * np.float32(0.45))
    radii = (CAVITY_MM[0] + over, CAVITY_MM[1] + over, CAVITY_MM[2] + over)
    skin = ellipsoid(canvas.x / width, canvas.y, z, radii)
    if canvas.reaches(-90, -15):
        nose = ellipsoid(canvas.x, canvas.y + 96, canvas.z + 52, (13, 16, 24))
        ear = ellipsoid(canvas.ax - 80, canvas.y - 14, canvas.z + 38, (6, 13, 24))
        skin = np.minimum(skin, np.minimum(nose, ear))
    return skin


def paint_outside(canvas: Canvas, head: Head, skin: np.ndarray, patch: np.ndarray) -> None:
    """Paint skin, fat and muscle."""
    canvas.paint(skin, 45)
    canvas.paint(skin + 2, np.where(skin < -25, 40, -85) + 10 * patch)
    if canvas.reaches(-90, 26):
        spread = np.square((canvas.y + 14) * np.float32(1 / 36))
        spread += np.square(np.maximum(canvas.z + 16, 0) * np.float32(1 / 40))
        temporal = np.maximum(skin + 3 + 7 * spread, (spread - 1) * 15)
        canvas.paint(np.maximum(temporal, 30 - canvas.ax), 52 + 4 * patch)
    if canvas.reaches(-90, -30):
        at = np.flatnonzero((skin < -7) & (canvas.z < -33) & (canvas.y > -50))
        x, y, z = canvas.x[at], canvas.y[at], canvas.z[at]
        part = Canvas(x, y, z, canvas.hu[at])
        planes = 1.3 - np.abs(head.sulci(x, y, z * np.float32(0.4)))
        muscle = np.maximum(np.maximum(skin[at] + 8, planes), np.maximum(z + 34, -48 - y))
        part.paint(muscle, 52 + 6 * np.clip(patch[at], -1, 1))
        canvas.hu[at] = part.hu


def paint_skull(canvas: Canvas, head: Head, depth: np.ndarray, vault: np.ndarray, patch: np.ndarray) -> None:
    """Paint the vault with its diploe, the floor of the fossae and the petrous bones."""
    temporal = smoothstep(canvas.ax, 48, 62) * smoothstep(-canvas.z, -25, 5) * smoothstep(canvas.y, -60, -35)
    thick = head.skull_mm * (1 + np.float32(0.14) * patch - np.float32(0.40) * temporal)
    thick += 2 * smoothstep(np.abs(canvas.y), 62, 84)
    outer = vault - thick
    if canvas.reaches(-90, 5):
        outer = np.maximum(outer, -depth - np.float32(2.4) - np.clip(patch, -1, 1) * (canvas.z < 0))
        edge = FRONT_EDGE_MM + smoothstep(canvas.y - petrous_line(canvas.ax), -8, 8) * (
            BACK_EDGE_MM - FRONT_EDGE_MM
        )
        outer = np.where(vault > 0, np.maximum(vault - thick, edge - canvas.z), outer)
    canvas.paint(outer, 1250 + 120 * patch)
    marrow = np.abs(-depth - np.float32(0.5) * thick) - np.float32(0.22) * thick
    vaulted = np.maximum(marrow, np.abs(-depth - vault) - 1)
    canvas.paint(np.maximum(vaulted, 3.6 - thick), 560 + 140 * np.clip(patch, -2, 2), 2.0)
    if canvas.reaches(-15, 22):
        bound = np.square((canvas.ax - 12) * np.float32(1 / 11)) + np.square(
            (canvas.z - 3) * np.float32(1 / 14)
        )
        sinus = np.maximum(np.abs(vault - np.float32(0.5) * thick) - np.float32(0.24) * thick, canvas.y + 50)
        canvas.paint(np.maximum(sinus, (bound - np.float32(head.air**2)) * 6), -960)
    canvas.rod((62, 26, -41), (14, 4, -38), (10, 6.0), 1350)
    canvas.rod((0, 2, -34), (0, 8, -60), (7, 6), 900)


def _cells(head: Head, low: float, high: float) -> "object":
    """Tissue of air cells: air with thin septa, from a fine field."""

    def tissue(x: np.ndarray, y: np.ndarray, z: np.ndarray, _: np.ndarray) -> np.ndarray:
        wall = np.clip(np.abs(head.cells(x, y, z)) * 2.2, 0, 1)
        return (high + wall * (low - high)).astype(np.float32)

    return tissue


def paint_base(canvas: Canvas, head: Head) -> None:
    """Paint orbits, facial bones, paranasal sinuses, ear canals and mastoid cells."""
    if not canvas.reaches(-95, 22):
        return
    air = head.air
    canvas.blob((32, -64, -33), (20.5, 28, 19.5), 700)
    canvas.blob((32, -66, -33), (18.5, 28, 17.5), -75)
    canvas.rod((14, -38, -30), (31, -66, -33), (3.0, 2.2), 35)
    canvas.rod((44, -44, -33), (46, -70, -33), (2.2, 2.2), 45)
    canvas.rod((20, -44, -32), (20, -70, -33), (2.0, 2.0), 45)
    canvas.blob((32, -79, -33), (12.5, 12.5, 12.5), 45)
    canvas.blob((32, -79, -33), (11.3, 11.3, 11.3), 10)
    canvas.blob((32, -87.5, -33), (5, 2.2, 5), 80)
    canvas.blob((0, -60, -42), (14, 30, 25), 600)
    canvas.blob((6.2, -60, -42), (5.8 * air, 28 * air, 24), _cells(head, -950, 250))
    canvas.blob((0, -17, -36), (16, 14, 11), 800)
    canvas.blob((7, -17, -36), (6.3 * air, 12 * air, 9 * air), -980)
    canvas.blob((29, -60, -66), (19, 22, 18), 700)
    canvas.blob((29, -60, -66), (17 * air, 20 * air, 16 * air), -985)
    canvas.rod((63, -58, -52), (66, 5, -50), (3.2, 2.6), 1000)
    canvas.rod((44, -68, -48), (63, -58, -52), (5, 4), 900)
    canvas.rod((62, -30, -60), (63, -12, -50), (5, 4), 1050)
    canvas.blob((55, 31, -46), (13, 16, 18), 900)
    canvas.blob((55, 30, -47), (10.5 * air, 13 * air, 16), _cells(head, -750, 650))
    canvas.rod((44, 12, -44), (86, 12, -44), (3.4, 4.2), -990)
    canvas.rod((26, 11, -39), (19, 15, -38), (2.2, 2.8), 60)
    canvas.blob((40, 15, -42), (4, 4, 4), -650)
