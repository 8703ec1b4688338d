"""Healthy series to be damaged, and what is true of them."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from factories import CTSeries, head, numbered, write_enhanced, write_series

REAL = {
    "real-straight": "neurolabusc+dcm_qa_ct/In/Philips/S21570/S2010",
    "real-tilted": "neurolabusc+dcm_qa_ct/In/Philips/S21610/S2010",
}
_REAL_SLICES = 8  # enough for a stack, few enough for hundreds of runs


@dataclass(frozen=True)
class Planes:
    """Slices as they lie in the world, in ascending order along the normal.

    Attributes:
        hu: (n, rows, columns).
        positions_mm: (n, 3) world LPS of each slice's first pixel.
        row: (3,) where the column index grows.
        column: (3,) where the row index grows.
        spacing_mm: between rows, between columns.
    """

    hu: np.ndarray
    positions_mm: np.ndarray
    row: np.ndarray
    column: np.ndarray
    spacing_mm: np.ndarray

    @property
    def normal(self) -> np.ndarray:
        normal = np.cross(self.row, self.column)
        return normal if normal[np.argmax(np.abs(normal))] > 0 else -normal

    @property
    def along_mm(self) -> np.ndarray:
        return self.positions_mm @ self.normal


@dataclass(frozen=True)
class Seed:
    """A healthy series: ``write`` puts its files into a folder and gives the truth."""

    name: str
    write: Callable[[Path], Planes]
    enhanced: bool = False


def anatomy(world_mm: np.ndarray) -> np.ndarray:
    """The factories' head, its brain denser from slice to slice, so that no two of them are alike."""
    hu = head(world_mm)
    return np.where(np.abs(hu) < 100, hu + 0.8 * (world_mm[..., 2] - 11), hu)


def synthetic(
    name: str, series: CTSeries, *, encode: Callable[[pydicom.Dataset], None] | None = None
) -> Seed:
    """A series by the factories, maybe in another transfer syntax."""

    def write(folder: Path) -> Planes:
        held = write_series(folder, series, series.sample(anatomy))
        if encode:
            for path in sorted(folder.iterdir()):
                dataset = pydicom.dcmread(path)
                encode(dataset)
        return _planes(series, held)

    return Seed(name, write)


def _planes(series: CTSeries, held: np.ndarray) -> Planes:
    row, column, _ = series.directions
    return Planes(held, series.positions_mm, row, column, np.asarray(series.spacing_mm[1:]))


def compressed(syntax: pydicom.uid.UID) -> Callable[[pydicom.Dataset], None]:
    def encode(dataset: pydicom.Dataset) -> None:
        dataset.compress(syntax, generate_instance_uid=False)
        dataset.save_as(dataset.filename)

    return encode


def implicit(dataset: pydicom.Dataset) -> None:
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
    pydicom.dcmwrite(dataset.filename, dataset, implicit_vr=True, little_endian=True)


def deflated(dataset: pydicom.Dataset) -> None:
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
    dataset.save_as(dataset.filename)


def big_endian(dataset: pydicom.Dataset) -> None:
    dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").byteswap().tobytes()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRBigEndian
    pydicom.dcmwrite(dataset.filename, dataset, implicit_vr=False, little_endian=False)


def enhanced(folder: Path) -> Planes:
    series = CTSeries()
    hu = np.rint(series.sample(anatomy))
    write_enhanced(folder / "f0000.dcm", series, hu, order=[3, 1, 0, 2, 7, 6, 4, 5])
    return _planes(series, hu)


def real(name: str, folder: Path) -> Seed:
    """Some slices from the middle of a real series; its truth is read from the files."""

    def write(target: Path) -> Planes:
        files = sorted(folder.iterdir(), key=lambda path: read_position(path)[2])
        start = (len(files) - _REAL_SLICES) // 2
        target.mkdir(parents=True, exist_ok=True)
        for number, path in enumerate(files[start : start + _REAL_SLICES]):
            shutil.copyfile(path, target / f"f{number:04d}.dcm")
        (planes,) = read_planes(target)
        return planes

    return Seed(name, write)


def read_position(path: Path) -> list[float]:
    header = pydicom.dcmread(path, stop_before_pixels=True)
    return [float(value) for value in header.ImagePositionPatient]


def synthetic_seeds() -> list[Seed]:
    """Small series in every transfer syntax that pydicom can write."""
    plain = CTSeries()
    oblong = CTSeries(
        shape=(9, 40, 56),
        spacing_mm=(4.0, 4.0, 3.0),
        row_direction=(-1, 0, 0),
        slopes=(1.0, 2.0),
        signed=True,
    )
    uid = pydicom.uid
    return [
        synthetic("plain", plain),
        synthetic("tilted", CTSeries(tilt_deg=12.0)),
        synthetic("oblong", oblong),
        synthetic("implicit", plain, encode=implicit),
        synthetic("big-endian", plain, encode=big_endian),
        synthetic("deflated", plain, encode=deflated),
        synthetic("rle", plain, encode=compressed(uid.RLELossless)),
        synthetic("jpeg-ls", plain, encode=compressed(uid.JPEGLSLossless)),
        synthetic("jpeg-2000", plain, encode=compressed(uid.JPEG2000Lossless)),
        Seed("enhanced", enhanced, enhanced=True),
    ]


def real_seeds() -> list[Seed]:
    """Parts of real series, where ``SMARTNET_REAL_DATA`` names a folder of them."""
    root = os.environ.get("SMARTNET_REAL_DATA")
    return [real(name, Path(root).resolve() / folder) for name, folder in REAL.items()] if root else []


def write_control(folder: Path) -> Planes:
    """A healthy series of another patient, which must come through whatever lies beside it."""
    series = numbered(CTSeries(shape=(6, 32, 32), spacing_mm=(5.0, 6.0, 6.0)), 77)
    return _planes(series, write_series(folder, series, series.sample(anatomy)))


def read_planes(folder: Path) -> list[Planes]:
    """Read what files say now, without the package: slices of one series, size, orientation and spacing."""
    groups: dict[tuple, list[tuple[np.ndarray, np.ndarray]]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            try:
                for key, position, hu in _read_file(path):
                    groups.setdefault(key, []).append((position, hu))
            except Exception:  # what pydicom cannot read says nothing
                continue
    return [_stacked(key, slices) for key, slices in groups.items()]


def _read_file(path: Path) -> Iterator[tuple[tuple, np.ndarray, np.ndarray]]:
    dataset = pydicom.dcmread(path, force=True)
    arrays = dataset.pixel_array
    frames = dataset.get("PerFrameFunctionalGroupsSequence")
    for index, array in enumerate(arrays if frames else [arrays]):
        groups = [frames[index], *dataset.SharedFunctionalGroupsSequence] if frames else [dataset]
        tags = {item.keyword: item.value for group in groups for item in group.iterall() if item.VR != "SQ"}
        orientation = tuple(round(float(value), 3) for value in tags["ImageOrientationPatient"])
        spacing = tuple(round(float(value), 3) for value in tags["PixelSpacing"])
        key = (dataset.get("SeriesInstanceUID"), array.shape, orientation, spacing)
        exact = [*map(float, tags["ImageOrientationPatient"]), *map(float, tags["PixelSpacing"])]
        hu = array.astype(float) * float(tags["RescaleSlope"]) + float(tags["RescaleIntercept"])
        yield key, np.array([*map(float, tags["ImagePositionPatient"]), *exact]), hu


def _stacked(key: tuple, slices: list[tuple[np.ndarray, np.ndarray]]) -> Planes:
    vectors = np.array([vector for vector, _ in slices])
    orientation, spacing = np.median(vectors[:, 3:9], axis=0), np.median(vectors[:, 9:], axis=0)
    found = Planes(
        np.stack([hu for _, hu in slices]), vectors[:, :3], orientation[:3], orientation[3:], spacing
    )
    order = np.argsort(found.along_mm, kind="stable")
    keep = order[np.append(True, np.diff(found.along_mm[order]) > 0.05)]
    return Planes(found.hu[keep], found.positions_mm[keep], found.row, found.column, spacing)
