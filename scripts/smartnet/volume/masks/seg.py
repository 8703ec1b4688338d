"""Reference masks from DICOM Segmentation objects (PS3.3 A.51 and C.8.20).

Read with pydicom alone: highdicom makes no volume of the sheared frames of a tilted gantry.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from pydicom import Dataset

from smartnet.volume.masks.names import labels_of
from smartnet.volume.masks.scan import (
    MaskError,
    MisfitError,
    Scan,
    corner_offsets,
    paint,
    plane_affine,
    shape_text,
    turn_plane,
)

_PARALLEL_COSINE = np.cos(np.radians(0.1))
_ADVICE = "export it on the grid of exactly this series, or correct the mask's name in labels.tsv"


@dataclass(frozen=True)
class Frames:
    """The frames of a SEG, in the order of its pixel data.

    Attributes:
        dataset: the SEG, for its pixels.
        shape: (rows, columns).
        affines: (4, 4) of each frame's plane, its third axis the scan's.
        segments: number of each frame's segment; empty for a label map, whose pixels hold the numbers.
        lowest: the lowest stored value that belongs to a frame's segment.
        labels: label of each segment by its number.
    """

    dataset: Dataset
    shape: tuple[int, int]
    affines: list[np.ndarray]
    segments: list[int]
    lowest: float
    labels: dict[int, int]

    def planes(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Give the labels of each frame, (rows, columns) uint8, and its affine.

        Raises:
            MaskError: the pixels cannot be decoded, or a label map holds a number that is no segment.
        """
        try:
            # All at once: frame by frame, pydicom 3.0 cannot cut bits where no byte ends.
            pixels = self.dataset.pixel_array.reshape(len(self.affines), *self.shape)
        except Exception as error:  # decoders raise anything
            syntax = getattr(self.dataset.file_meta.get("TransferSyntaxUID"), "name", "unknown syntax")
            raise MaskError(
                f"is a SEG whose pixels cannot be decoded ({syntax}: {type(error).__name__}): export it "
                "again, uncompressed"
            ) from error
        if self.segments:
            for affine, segment, stored in zip(self.affines, self.segments, pixels, strict=True):
                yield (stored >= self.lowest) * np.uint8(self.labels[segment]), affine
            return
        table = np.zeros(1 << 16, np.uint8)
        table[list(self.labels)] = list(self.labels.values())
        unknown = sorted(set(np.unique(pixels).tolist()) - {0, *self.labels})
        if unknown:
            raise MaskError(
                f"is a label map that holds {unknown[0]}, which is no segment of it: export it again"
            )
        for affine, stored in zip(self.affines, pixels, strict=True):
            yield table[stored], affine


def read_seg(dataset: Dataset, scan: Scan) -> np.ndarray:
    """Bring a SEG onto its scan's grid: each frame goes to the slice at whose position it lies.

    Args:
        dataset: binary, fractional (a voxel belongs to it from one half on) or label map; frames in any
            order, for all slices or some, rows and columns flipped or swapped against the scan's or not.
        scan: the scan.

    Returns:
        (z, y, x) uint8 labels; where segments overlap, the higher label wins.

    Raises:
        MaskError: it is damaged, or a segment's name is no hemorrhage.
        MisfitError: frames have another size, or lie off the scan's slices or pixels.
    """
    frames = _read_frames(dataset, scan)
    slices = _match(frames, scan)
    mask = np.zeros(scan.shape, np.uint8)
    for z, (plane, affine) in zip(slices, frames.planes(), strict=True):
        np.maximum(mask[z], turn_plane(plane, affine)[0], out=mask[z])
    return mask


def _read_frames(dataset: Dataset, scan: Scan) -> Frames:
    try:
        shared = (dataset.get("SharedFunctionalGroupsSequence") or [Dataset()])[0]
        items = dataset.PerFrameFunctionalGroupsSequence
        if len(items) != int(dataset.get("NumberOfFrames") or 1):
            raise ValueError("functional groups do not match the frames")
        affines = [_plane(item, shared, scan) for item in items]
        kind = dataset.SegmentationType
        lowest = int(dataset.MaximumFractionalValue) / 2 if kind == "FRACTIONAL" else 1
        names = {int(item.SegmentNumber): _names(item) for item in dataset.SegmentSequence}
        marked, segments = set(names) - {0}, []  # 0 is the background of a label map
        if kind != "LABELMAP":
            group = "SegmentIdentificationSequence"
            segments = [int(_macro(item, shared, group).ReferencedSegmentNumber) for item in items]
            marked = set(segments)
        labels = labels_of({number: names[number] for number in sorted(marked)})
        shape = int(dataset.Rows), int(dataset.Columns)
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
        raise MaskError(
            f"is a SEG that is damaged or does not say where its frames lie ({type(error).__name__}): "
            "export it again"
        ) from error
    return Frames(dataset, shape, affines, segments, lowest, labels)


def _plane(item: Dataset, shared: Dataset, scan: Scan) -> np.ndarray:
    """Give the affine of one frame."""
    position = _macro(item, shared, "PlanePositionSequence").ImagePositionPatient
    orientation = _macro(item, shared, "PlaneOrientationSequence").ImageOrientationPatient
    row, column = np.array(orientation, dtype=float).reshape(2, 3)
    between_rows, between_columns = map(float, _macro(item, shared, "PixelMeasuresSequence").PixelSpacing)
    return plane_affine(scan, np.array(position, dtype=float), row * between_columns, column * between_rows)


def _macro(item: Dataset, shared: Dataset, name: str) -> Dataset:
    """Give a functional group of a frame: its own, else the one that all frames share."""
    return (item.get(name) or shared[name].value)[0]


def _names(segment: Dataset) -> list[str]:
    texts = [str(segment.get(keyword) or "") for keyword in ("SegmentLabel", "SegmentDescription")]
    types = segment.get("SegmentedPropertyTypeCodeSequence") or []
    return texts + [str(item.get("CodeMeaning") or "") for item in types]


def _match(frames: Frames, scan: Scan) -> list[int]:
    """Give the slice that each frame lies on.

    Raises:
        MisfitError: one of them lies on none, or is another grid of pixels.
    """
    grids = _turn(frames, scan)
    slices = [scan.nearest_slice(affine[:3, 3])[0] for affine in grids]
    offsets = np.stack(
        [
            corner_offsets(affine, scan.slice_affine(z), (1, *scan.shape[1:]))
            for z, affine in zip(slices, grids, strict=True)
        ]
    )
    across = offsets @ scan.normal
    in_plane = np.linalg.norm(offsets - across[..., None] * scan.normal, axis=-1)
    for off_mm, where, share, allowed_mm in (
        (np.abs(across).max(), "off the nearest slice", "a tenth of the gap", scan.allowed_across_mm),
        (in_plane.max(), "off in the plane of the slices", "half a pixel", scan.allowed_in_plane_mm),
    ):
        if off_mm > allowed_mm:
            raise MisfitError(
                f"has frames up to {off_mm:.2f} mm {where} ({share}, {allowed_mm:.2f} mm, is allowed): "
                f"{_ADVICE}",
                _by_index(frames, slices, scan),
                "voxel indices",
            )
    return slices


def _turn(frames: Frames, scan: Scan) -> list[np.ndarray]:
    """Give each frame's affine, turned to LPS axes.

    Raises:
        MisfitError: a frame is not parallel to the scan's slices, or has another size.
    """
    normals = np.array([np.cross(affine[:3, 0], affine[:3, 1]) for affine in frames.affines])
    cosine = float(np.abs(normals / np.linalg.norm(normals, axis=1, keepdims=True) @ scan.normal).min())
    if cosine < _PARALLEL_COSINE:
        raise MisfitError(
            f"has frames at {np.degrees(np.arccos(cosine)):.1f} degrees to the scan's slices: {_ADVICE}",
            _in_world(frames, scan),
            "world position",
        )
    empty = np.broadcast_to(np.uint8(0), frames.shape)
    turned = [turn_plane(empty, affine) for affine in frames.affines]
    other = next((plane.shape for plane, _ in turned if plane.shape != scan.shape[1:]), None)
    if other:
        raise MisfitError(
            f"has frames of {shape_text(other)}, but the scan's slices have {shape_text(scan.shape[1:])} "
            f"(rows, columns): {_ADVICE}",
            _in_world(frames, scan),
            "world position",
        )
    return [affine for _, affine in turned]


def _in_world(frames: Frames, scan: Scan) -> np.ndarray:
    given = np.zeros(scan.shape, bool)
    for plane, affine in frames.planes():
        paint(given, plane, affine, scan)
    return given


def _by_index(frames: Frames, slices: list[int], scan: Scan) -> np.ndarray:
    given = np.zeros(scan.shape, bool)
    for z, (plane, affine) in zip(slices, frames.planes(), strict=True):
        given[z] |= turn_plane(plane, affine)[0] > 0
    return given
