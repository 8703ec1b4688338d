"""Reference masks as others write them: SEG by highdicom, RTSTRUCT by hand, and the way through a study."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
from factories import UID_ROOT, CTSeries, run_volumes, write_labels, write_series
from highdicom.seg import SegmentationTypeValues
from highdicom.sr.coding import CodedConcept
from pydicom.dataset import FileMetaDataset
from pydicom.pixels import pack_bits
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import ExplicitVRLittleEndian, RTStructureSetStorage

from smartnet.files import read_nifti, read_table, write_nifti

# What a SEG takes over from its source images.
SOURCE_TAGS = {
    "FrameOfReferenceUID": f"{UID_ROOT}.7",
    "PatientBirthDate": "",
    "PatientSex": "",
    "StudyID": "",
    "StudyDate": "",
    "StudyTime": "",
    "AccessionNumber": "",
    "ReferringPhysicianName": "",
}
ABNORMAL = CodedConcept("49755003", "SCT", "Morphologically Altered Structure")
MASS = CodedConcept("4147007", "SCT", "Mass")


def study(folder: Path, series: CTSeries, write: Callable[[Path], None], *, name: str = "mask") -> Path:
    """Write a scan and, by ``write(path)``, its mask of that name; take it to volumes; give their folder."""
    write_series(folder / "data" / "dicom", series)
    (folder / "data" / "masks").mkdir(exist_ok=True)
    write(folder / "data" / "masks" / name)
    write_labels(folder / "data", [{"series_uid": series.series, "hemorrhage": 1, "mask": name}])
    return run_volumes(folder / "data", folder)


def mask_of(volumes: Path) -> np.ndarray:
    """Read the mask of the only case, (z, y, x), straightened."""
    (row,) = read_table(volumes / "cases.tsv").itertuples()
    return read_nifti(volumes / f"{row.case}_mask.nii.gz")[0]


def nifti_way(folder: Path, series: CTSeries, mask: np.ndarray) -> np.ndarray:
    """Take the same mask through as NIfTI."""
    return mask_of(
        study(folder, series, lambda path: write_nifti(mask, series.affine, path), name="m.nii.gz")
    )


def make_seg(
    folder: Path,
    series: CTSeries,
    segments: Mapping[str, np.ndarray],
    *,
    kind: str = "BINARY",
    syntax: str = ExplicitVRLittleEndian,
    **options: object,
) -> pydicom.Dataset:
    """Make a SEG of a series with highdicom.

    Args:
        folder: where to write source images.
        series: the series it is made on.
        segments: (z, y, x) of each segment by its label: bool, or float 0..1 for a fractional one.
        kind: BINARY, FRACTIONAL or LABELMAP.
        syntax: transfer syntax.
        options: more of highdicom's.
    """
    write_series(folder, replace(series, tags=SOURCE_TAGS | series.tags))
    names = [
        hd.seg.SegmentDescription(
            segment_number=number,
            segment_label=label,
            segmented_property_category=ABNORMAL,
            segmented_property_type=MASS,
            algorithm_type="MANUAL",
        )
        for number, label in enumerate(segments, start=1)
    ]
    return hd.seg.Segmentation(
        source_images=[pydicom.dcmread(file) for file in sorted(folder.iterdir())],
        pixel_array=np.stack(list(segments.values()), axis=-1),
        segmentation_type=SegmentationTypeValues(kind),
        segment_descriptions=names,
        series_instance_uid=f"{UID_ROOT}.8",
        series_number=9,
        sop_instance_uid=f"{UID_ROOT}.8.1",
        instance_number=1,
        manufacturer="TESTVENDOR",
        manufacturer_model_name="",
        software_versions="1",
        device_serial_number="1",
        transfer_syntax_uid=syntax,
        **options,
    )


def reorder(seg: pydicom.Dataset, order: Sequence[int]) -> None:
    """Put the frames of a binary SEG into another order, some of them maybe left out."""
    groups = seg.PerFrameFunctionalGroupsSequence
    frames = seg.pixel_array[list(order)]
    seg.PerFrameFunctionalGroupsSequence = DicomSequence([groups[index] for index in order])
    seg.NumberOfFrames = len(order)
    seg.PixelData = pack_bits(frames.ravel())


def circle(series: CTSeries, z: int, centre_mm: Sequence[float], radius_mm: float, points: int = 200):
    """Give the (n, 3) contour in which a ball cuts the plane of slice ``z``, None if it does not."""
    row, column, normal = series.directions
    height = (np.asarray(centre_mm) - series.positions_mm[z]) @ normal
    if abs(height) >= radius_mm:
        return None
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)[:, None]
    around = np.cos(angle) * row + np.sin(angle) * column
    return np.asarray(centre_mm) - height * normal + np.sqrt(radius_mm**2 - height**2) * around


def ball_contours(series: CTSeries, centre_mm: Sequence[float], radius_mm: float) -> list[np.ndarray]:
    """Give the contours of a ball on all slices that it meets."""
    found = (circle(series, z, centre_mm, radius_mm) for z in range(series.shape[0]))
    return [contour for contour in found if contour is not None]


def make_rtstruct(
    series: CTSeries,
    regions: Mapping[str, Sequence[np.ndarray]],
    *,
    kind: str = "CLOSED_PLANAR",
    referenced: str | None = None,
) -> pydicom.Dataset:
    """Make a structure set: contours, each (n, 3) mm, of each region by its name.

    ``referenced`` is the series UID it refers to: that of ``series`` if None, no reference if empty.
    """
    dataset = pydicom.Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = RTStructureSetStorage
    dataset.SOPClassUID, dataset.SOPInstanceUID = RTStructureSetStorage, f"{UID_ROOT}.6.1"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = series.study, f"{UID_ROOT}.6"
    dataset.Modality, dataset.PatientName, dataset.PatientID = "RTSTRUCT", "SECRET^NAME", series.patient
    if referenced != "":
        rt_series = pydicom.Dataset()
        rt_series.SeriesInstanceUID = referenced or series.series
        rt_study = pydicom.Dataset()
        rt_study.ReferencedSOPInstanceUID = series.study
        rt_study.RTReferencedSeriesSequence = [rt_series]
        frame = pydicom.Dataset()
        frame.FrameOfReferenceUID = f"{UID_ROOT}.7"
        frame.RTReferencedStudySequence = [rt_study]
        dataset.ReferencedFrameOfReferenceSequence = [frame]
    dataset.StructureSetROISequence, dataset.ROIContourSequence = [], []
    for number, (name, contours) in enumerate(regions.items(), start=1):
        roi, holder = pydicom.Dataset(), pydicom.Dataset()
        roi.ROINumber, roi.ROIName, holder.ReferencedROINumber = number, name, number
        holder.ContourSequence = [_contour(points, kind) for points in contours]
        dataset.StructureSetROISequence.append(roi)
        dataset.ROIContourSequence.append(holder)
    return dataset


def _contour(points: np.ndarray, kind: str) -> pydicom.Dataset:
    item = pydicom.Dataset()
    item.ContourGeometricType = kind
    item.NumberOfContourPoints = len(points)
    item.ContourData = [f"{value:.4f}" for value in np.ravel(points)]
    return item
