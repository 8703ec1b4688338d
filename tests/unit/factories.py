"""A small writer of synthetic CT series: any orientation, tilt, spacing, flips, padding, slope and intercept.

It is independent of the package's own phantoms and of its DICOM reader, so either can be checked with it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, EnhancedCTImageStorage, ExplicitVRLittleEndian

UID_ROOT = "1.2.826.0.1.3680043.8.498.99"
LEFT, POSTERIOR, SUPERIOR = np.eye(3)


@dataclass(frozen=True)
class CTSeries:
    """What a scanner would write; change single things with :func:`dataclasses.replace`.

    Attributes:
        shape: (slices, rows, columns).
        spacing_mm: (gap along the normal, between rows, between columns).
        tilt_deg: gantry tilt, right-handed about the patient's left axis; the table still moves along z.
        row_direction: in the untilted plane, where the column index grows to; sagittal and coronal ones too.
        column_direction: in the untilted plane, where the row index grows to.
        centre_mm: world LPS of the middle of the stack.
        z_offsets_mm: added to the slices' positions along the table, to break even spacing.
        tags: DICOM keywords to set or (None) to leave out, in every file.
    """

    shape: tuple[int, int, int] = (8, 48, 48)
    spacing_mm: tuple[float, float, float] = (5.0, 4.0, 4.0)
    tilt_deg: float = 0.0
    row_direction: Sequence[float] = tuple(LEFT)
    column_direction: Sequence[float] = tuple(POSTERIOR)
    centre_mm: Sequence[float] = (3.0, -7.0, 11.0)
    z_offsets_mm: Sequence[float] = ()
    slopes: Sequence[float] = (1.0,)
    intercepts: Sequence[float] = (-1024.0,)
    signed: bool = False
    padding: int | None = None
    patient: str = "SECRET^PATIENT"
    study: str = f"{UID_ROOT}.1"
    series: str = f"{UID_ROOT}.1.1"
    tags: dict = field(default_factory=dict)

    @property
    def directions(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Row and column direction and the normal towards superior (posterior, left), tilted."""
        angle = np.radians(self.tilt_deg)
        cos, sin = np.cos(angle), np.sin(angle)
        turn = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
        row, column = turn @ np.asarray(self.row_direction), turn @ np.asarray(self.column_direction)
        normal = np.cross(row, column)
        return row, column, normal if normal[np.argmax(np.abs(normal))] > 0 else -normal

    @property
    def step_mm(self) -> np.ndarray:
        """(3,) from one slice to the next: along the body axis nearest to the normal."""
        normal = self.directions[2]
        axis = int(np.argmax(np.abs(normal)))
        return np.eye(3)[axis] * self.spacing_mm[0] / normal[axis]

    @property
    def positions_mm(self) -> np.ndarray:
        """(n, 3) world of each slice's first voxel, from inferior to superior."""
        count, rows, columns = self.shape
        row, column, _ = self.directions
        steps = np.arange(count) - (count - 1) / 2
        if len(self.z_offsets_mm):
            steps = steps + np.asarray(self.z_offsets_mm) / np.linalg.norm(self.step_mm)
        corner = np.asarray(self.centre_mm) - row * (columns - 1) / 2 * self.spacing_mm[2]
        corner = corner - column * (rows - 1) / 2 * self.spacing_mm[1]
        return corner + steps[:, None] * self.step_mm

    @property
    def affine(self) -> np.ndarray:
        """(4, 4) voxel (x, y, z) to world LPS of the evenly spaced stack, sheared if tilted."""
        row, column, _ = self.directions
        matrix = np.eye(4)
        matrix[:3, 0], matrix[:3, 1] = row * self.spacing_mm[2], column * self.spacing_mm[1]
        matrix[:3, 2] = self.step_mm
        matrix[:3, 3] = self.positions_mm[0]
        return matrix

    def world_mm(self) -> np.ndarray:
        """(n, rows, columns, 3) world position of every voxel."""
        _, rows, columns = self.shape
        row, column, _ = self.directions
        plane = np.arange(rows)[:, None, None] * column * self.spacing_mm[1]
        plane = plane + np.arange(columns)[None, :, None] * row * self.spacing_mm[2]
        return self.positions_mm[:, None, None] + plane

    def sample(self, phantom: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """(n, rows, columns) values of a function of world positions."""
        return phantom(self.world_mm())


def head(world_mm: np.ndarray) -> np.ndarray:
    """Give HU of a simple head (skull 900, brain 34) of 75 mm radius around (3, -7, 11), air around."""
    radius = np.linalg.norm(world_mm - np.array([3.0, -7.0, 11.0]), axis=-1)
    # One part in a hundred of the brain differs, so that left and right, up and down can be told apart.
    marks = 3 * np.sign(world_mm[..., 0] - 20) + 2 * np.sign(world_mm[..., 1] - 15)
    return np.where(radius > 75, -1000.0, np.where(radius > 68, 900.0, 34.0 + marks))


def ball(centre_mm: Sequence[float], radius_mm: float, *, edge_mm: float, inside: float, outside: float):
    """Make a phantom function: a ball with a linear edge that is half way at the radius."""

    def phantom(world_mm: np.ndarray) -> np.ndarray:
        distance = np.linalg.norm(world_mm - np.asarray(centre_mm), axis=-1)
        share = np.clip((radius_mm - distance) / edge_mm + 0.5, 0, 1)
        return outside + share * (inside - outside)

    return phantom


def write_series(
    folder: Path, series: CTSeries, hu: np.ndarray | None = None, *, order: Sequence[int] | None = None
) -> np.ndarray:
    """Write a series as one file per slice.

    Args:
        folder: where to.
        series: geometry and tags.
        hu: (n, rows, columns) HU, :func:`head` if None; rounded to what slope and intercept can hold.
        order: in which order to number, name and write the slices; bottom up if None.

    Returns:
        the HU that the files hold, (n, rows, columns) float64, from inferior to superior.
    """
    hu = series.sample(head) if hu is None else np.asarray(hu, dtype=np.float64)
    folder.mkdir(parents=True, exist_ok=True)
    held = np.empty_like(hu)
    for number, z in enumerate(order if order is not None else range(series.shape[0])):
        slope = series.slopes[z % len(series.slopes)]
        intercept = series.intercepts[z % len(series.intercepts)]
        stored = np.rint((hu[z] - intercept) / slope)
        if series.padding is not None:
            stored = np.where(np.isnan(hu[z]), series.padding, stored)
        stored = stored.astype(np.int16 if series.signed else np.uint16)
        held[z] = stored.astype(np.float64) * slope + intercept
        _write_file(folder / f"f{number:04d}.dcm", series, z, number, stored, slope, intercept)
    return held


def _write_file(
    path: Path, series: CTSeries, z: int, number: int, stored: np.ndarray, slope: float, intercept: float
) -> None:
    row, column, _ = series.directions
    tags = {
        "SOPClassUID": CTImageStorage,
        "SOPInstanceUID": f"{series.series}.{z + 1}",
        "StudyInstanceUID": series.study,
        "SeriesInstanceUID": series.series,
        "PatientID": series.patient,
        "PatientName": "SECRET^NAME",
        "Modality": "CT",
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "Manufacturer": "TESTVENDOR",
        "KVP": "120",
        "SliceThickness": "5",
        "ConvolutionKernel": "H30",
        "InstanceNumber": str(number + 1),
        "ImagePositionPatient": [f"{value:.10g}" for value in series.positions_mm[z]],
        "ImageOrientationPatient": [f"{value:.10g}" for value in [*row, *column]],
        "PixelSpacing": [f"{value:.10g}" for value in series.spacing_mm[1:]],
        "RescaleSlope": f"{slope:.10g}",
        "RescaleIntercept": f"{intercept:.10g}",
        "Rows": stored.shape[0],
        "Columns": stored.shape[1],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": int(series.signed),
    }
    dataset = pydicom.Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = CTImageStorage
    for keyword, value in (tags | series.tags).items():
        if value is not None:
            setattr(dataset, keyword, value)
    if series.padding is not None:
        dataset.add_new("PixelPaddingValue", "SS" if series.signed else "US", series.padding)
    dataset.PixelData = stored.tobytes()
    dataset.save_as(path, enforce_file_format=True)


def write_enhanced(path: Path, series: CTSeries, hu: np.ndarray, *, order: Sequence[int]) -> None:
    """Write a series as one Enhanced CT object, frames in any order."""
    row, column, _ = series.directions
    dataset = pydicom.Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = EnhancedCTImageStorage
    dataset.SOPInstanceUID, dataset.StudyInstanceUID = f"{series.series}.1", series.study
    dataset.SeriesInstanceUID, dataset.PatientID, dataset.Modality = series.series, series.patient, "CT"
    dataset.Rows, dataset.Columns, dataset.NumberOfFrames = *series.shape[1:], len(order)
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 0
    shared = pydicom.Dataset()
    shared.PlaneOrientationSequence = [_item(ImageOrientationPatient=[*map(float, row), *map(float, column)])]
    spacing = _item(PixelSpacing=list(map(float, series.spacing_mm[1:])), SliceThickness=5)
    shared.PixelMeasuresSequence = [spacing]
    shared.CTImageFrameTypeSequence = [_item(FrameType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"])]
    dataset.SharedFunctionalGroupsSequence = [shared]
    frames, planes = [], []
    for z in order:
        slope, intercept = (
            series.slopes[z % len(series.slopes)],
            series.intercepts[z % len(series.intercepts)],
        )
        frame = _item(
            PlanePositionSequence=[_item(ImagePositionPatient=list(map(float, series.positions_mm[z])))],
            PixelValueTransformationSequence=[_item(RescaleSlope=slope, RescaleIntercept=intercept)],
        )
        frames.append(frame)
        planes.append(np.rint((hu[z] - intercept) / slope).astype(np.uint16))
    dataset.PerFrameFunctionalGroupsSequence = frames
    dataset.PixelData = np.stack(planes).tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)


def _item(**values) -> pydicom.Dataset:
    item = pydicom.Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


def write_labels(folder: Path, rows: Sequence[dict]) -> Path:
    """Write ``labels.tsv`` of a data set folder, columns as they come; give its path."""
    folder.mkdir(parents=True, exist_ok=True)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    lines = ["\t".join(columns)] + ["\t".join(str(row.get(name, "")) for name in columns) for row in rows]
    path = folder / "labels.tsv"
    path.write_text("\n".join(lines) + "\n")
    return path


def numbered(series: CTSeries, number: int, **changes) -> CTSeries:
    """Make the same scan of another patient: new patient, study and series, and other changes."""
    study = f"{UID_ROOT}.{number}"
    names = {"patient": f"SECRET^PATIENT{number}", "study": study, "series": f"{study}.1"}
    return replace(series, **(names | changes))


KEY = b"a key for tests"


def run_catalog(folder: Path, out: Path, *, labelled: bool = True, **options) -> tuple[Path, Path]:
    """Index a data set folder and catalog it as one shard; give the catalog and identity tables' paths."""
    from smartnet.dicom.catalog import catalog_shard
    from smartnet.dicom.index import index_folder

    index_folder(folder, out / "index.tsv", threads=1, private=out / "private.tsv")
    catalog_shard(
        out / "index.tsv",
        folder=folder,
        labels=folder / "labels.tsv" if labelled else None,
        masks=folder / "masks",
        dataset="site",
        shard=0,
        shards=1,
        key=KEY,
        catalog=out / "catalog.tsv",
        identity=out / "identity.tsv",
        **options,
    )
    return out / "catalog.tsv", out / "identity.tsv"


def run_volumes(
    folder: Path,
    out: Path,
    *,
    labelled: bool = True,
    on_rejected: str = "continue",
    uneven_spacing="resample",
    **options,
) -> Path:
    """Take a data set folder to volumes; give their folder. Further options are those of the catalog."""
    from smartnet.volume.build import build_shard

    catalog, identity = run_catalog(folder, out, labelled=labelled, uneven_spacing=uneven_spacing, **options)
    build_shard(
        catalog,
        identity,
        out / "volumes",
        folder=folder,
        masks=folder / "masks",
        pictures=out / "logs",
        on_rejected=on_rejected,
        threads=1,
        uneven_spacing=uneven_spacing,
    )
    return out / "volumes"
