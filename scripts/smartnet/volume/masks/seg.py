"""Reference masks from DICOM Segmentation objects (PS3.3 A.51 and C.8.20)."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from pydicom import Dataset
from pydicom.pixels import iter_pixels

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
        affines: (4, 4) of each frame's plane, its third axis the scan's.
        segments: number of each frame's segment; 0 in a label map, whose pixels hold the numbers.
        labels: label of each segment by its number.
    """

    dataset: Dataset
    affines: list[np.ndarray]
    segments: list[int]
    labels: dict[int, int]

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return int(self.dataset.Rows), int(self.dataset.Columns)

    def planes(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Give the labels of each frame, (rows, columns) uint8, and its affine."""
        kind = self.dataset.SegmentationType
        lowest = int(self.dataset.MaximumFractionalValue) / 2 if kind == "FRACTIONAL" else 1
        table = np.zeros(1 << 16, np.uint8)  # segment number to label
        table[list(self.labels)] = list(self.labels.values())
        try:
            for affine, segment, stored in zip(
                self.affines, self.segments, iter_pixels(self.dataset), strict=True
            ):
                yield table[stored] if kind == "LABELMAP" else (stored >= lowest) * table[segment], affine
        except Exception as error:  # decoders raise anything
            syntax = getattr(self.dataset.file_meta.get("TransferSyntaxUID"), "name", "unknown syntax")
            raise MaskError(
                f"is a SEG whose pixels cannot be decoded ({syntax}: {type(error).__name__}): export it "
                "again, uncompressed"
            ) from error


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
        if dataset.SegmentationType == "LABELMAP":
            segments = [0] * len(items)
        else:
            group = "SegmentIdentificationSequence"
            segments = [int(_macro(item, shared, group).ReferencedSegmentNumber) for item in items]
        names = {int(item.SegmentNumber): _names(item) for item in dataset.SegmentSequence}
        marked = {number: names[number] for number in sorted(set(segments) - {0} or set(names) - {0})}
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
        raise MaskError(
            f"is a SEG that is damaged or does not say where its frames lie ({type(error).__name__}): "
            "export it again"
        ) from error
    return Frames(dataset, affines, segments, labels_of(marked))


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
