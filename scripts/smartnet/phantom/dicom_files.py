"""Writing a scan as the CT Image Storage objects (DICOM PS3.3, A.3) that a scanner sends."""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from smartnet import files
from smartnet.phantom.geometry import Geometry
from smartnet.phantom.sites import Site

IMPLEMENTATION_UID = "2.25.198374651928374655519283746551928374"
SCOUT_ROWS = 256


def unique_id(*parts: object) -> str:
    """Derive a DICOM UID from what it names: under 2.25, from a SHA-256 cut to 122 bits."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big') >> 6}"


@dataclass(frozen=True)
class Exam:
    """Who was scanned, when and how; all invented.

    Attributes:
        patient_id: identifier in the hospital.
        patient_name: DICOM person name.
        sex: ``F`` or ``M``.
        age: years.
        birth_date: YYYYMMDD.
        date: of the study, YYYYMMDD.
        time: of the study, HHMMSS.
        accession: accession number.
        study_uid: Study Instance UID.
        series_uid: Series Instance UID of the axial series.
        frame_uid: Frame of Reference UID.
        kvp: tube voltage.
        tube_ma: tube current.
    """

    patient_id: str
    patient_name: str
    sex: str
    age: int
    birth_date: str
    date: str
    time: str
    accession: str
    study_uid: str
    series_uid: str
    frame_uid: str
    kvp: int
    tube_ma: int


def _common(exam: Exam, site: Site) -> Dataset:
    """Everything that is the same in all images of a study."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.SOPClassUID = CTImageStorage
    ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = exam.date
    ds.StudyTime = ds.SeriesTime = ds.AcquisitionTime = ds.ContentTime = exam.time
    ds.AccessionNumber = exam.accession
    ds.Modality = "CT"
    ds.Manufacturer = site.manufacturer
    ds.InstitutionName = "Phantom Hospital"
    ds.ReferringPhysicianName = ""
    ds.StationName = site.station
    ds.StudyDescription = "CT HEAD WITHOUT CONTRAST"
    ds.ManufacturerModelName = site.model
    ds.PatientName = exam.patient_name
    ds.PatientID = exam.patient_id
    ds.PatientBirthDate = exam.birth_date
    ds.PatientSex = exam.sex
    ds.PatientAge = f"{exam.age:03d}Y"
    ds.BodyPartExamined = "HEAD"
    ds.KVP = str(exam.kvp)
    ds.ProtocolName = "HEAD"
    ds.XRayTubeCurrent = exam.tube_ma
    ds.ExposureTime = 1000
    ds.PatientPosition = "HFS"
    ds.StudyInstanceUID = exam.study_uid
    ds.StudyID = exam.accession[-6:]
    ds.AcquisitionNumber = 1
    ds.FrameOfReferenceUID = exam.frame_uid
    ds.PositionReferenceIndicator = ""
    return ds


def _pixels(ds: Dataset, stored: np.ndarray, signed: bool, intercept: int) -> None:
    """Add the image and how to read it; ``stored`` is (rows, columns) int16 or uint16."""
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.Rows, ds.Columns = stored.shape
    ds.BitsAllocated = 16
    ds.BitsStored = 16 if signed else 12
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = int(signed)
    ds.WindowCenter, ds.WindowWidth = "40", "80"
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = str(intercept), "1", "HU"
    ds.PixelData = stored.astype("<i2" if signed else "<u2").tobytes()


def encode(ds: Dataset) -> bytes:
    """Give the bytes of a DICOM file (explicit VR little endian) for a data set."""
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = ds.SOPClassUID
    meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = IMPLEMENTATION_UID
    meta.ImplementationVersionName = "SMARTNET_PHANTOM"
    ds.file_meta = meta
    buffer = io.BytesIO()
    dcmwrite(buffer, ds, enforce_file_format=True)
    return buffer.getvalue()


def stored_values(hu: np.ndarray, site: Site) -> np.ndarray:
    """Turn HU (z, y, x) into the site's stored values, padded outside the circle where its scanner pads."""
    stored = np.rint(hu).astype(np.int32) - site.intercept
    lowest, highest = (-32768, 32767) if site.signed else (0, 4095)
    stored = np.clip(stored, lowest, highest)
    if site.padding is not None:
        side = hu.shape[-1]
        grid = np.arange(side) - (side - 1) / 2
        stored[:, grid[None] ** 2 + grid[:, None] ** 2 > (side / 2) ** 2] = site.padding
    return stored.astype(np.int16 if site.signed else np.uint16)


def _file_name(site: Site, exam: Exam, kind: str, number: int) -> Path:
    """Name a file as the site's archive does: names say nothing about order."""
    token = hashlib.sha256(f"{exam.series_uid}/{kind}/{number}".encode()).hexdigest()
    if site.naming == "flat":
        return Path(f"{token[:24]}.dcm")
    if site.naming == "dicomdir":
        study = hashlib.sha256(exam.study_uid.encode()).hexdigest()[:6].upper()
        return Path("DICOM") / f"ST{study}" / f"SE{0 if kind == 'scout' else 1:04d}" / f"I{token[:7].upper()}"
    return Path(exam.patient_id) / exam.study_uid[-12:] / kind / f"IM-{token[:8]}.dcm"


def _instance_numbers(site: Site, exam: Exam, slices: int) -> np.ndarray:
    """Number the slices (from below) as the site does."""
    upwards = np.arange(1, slices + 1)
    if site.instances == "reverse":
        return upwards[::-1]
    if site.instances == "mixed" and int(exam.series_uid[-1]) < 5:
        order = np.concatenate([np.arange(0, slices, 2), np.arange(1, slices, 2)])
        numbers = np.empty(slices, dtype=int)
        numbers[order] = upwards
        return numbers
    return upwards


def write_series(folder: Path, site: Site, exam: Exam, geometry: Geometry, hu: np.ndarray) -> None:
    """Write the axial series.

    Args:
        folder: the data set's ``dicom`` folder.
        site: the hospital.
        exam: who and when.
        geometry: planes, slices from below.
        hu: (z, y, x) HU.
    """
    stored = stored_values(hu, site)
    ds = _common(exam, site)
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.SeriesDescription = f"HEAD {geometry.thickness_mm:.1f} {site.kernel}"
    ds.SeriesInstanceUID = exam.series_uid
    ds.SeriesNumber = 2
    ds.SliceThickness = f"{geometry.thickness_mm:g}"
    ds.DataCollectionDiameter = "500"
    ds.ReconstructionDiameter = f"{geometry.pixel_mm * geometry.matrix:g}"
    ds.GantryDetectorTilt = f"{site.tilt_sign * geometry.tilt_deg + 0.0:g}"
    ds.ConvolutionKernel = site.kernel
    ds.PixelSpacing = [f"{geometry.pixel_mm:.8g}"] * 2
    ds.ImageOrientationPatient = [f"{v:.10g}" for v in (*geometry.row, *geometry.column)]
    if site.padding is not None:
        ds.PixelRepresentation = int(site.signed)
        ds.PixelPaddingValue = site.padding
    numbers = _instance_numbers(site, exam, len(stored))
    for position, number, plane in zip(geometry.positions, numbers, stored, strict=True):
        ds.SOPInstanceUID = unique_id(exam.series_uid, int(number))
        ds.InstanceNumber = int(number)
        ds.ImagePositionPatient = [f"{v:.4f}" for v in position]
        ds.SliceLocation = f"{position[2]:.4f}"
        _pixels(ds, plane, site.signed, site.intercept)
        files.write_bytes(encode(ds), folder / _file_name(site, exam, "axial", int(number)))


def write_scout(folder: Path, site: Site, exam: Exam, geometry: Geometry, hu: np.ndarray) -> None:
    """Write a lateral localizer: the head seen from the side, made by projection of the scan along x."""
    import cv2

    depth = np.clip(hu + 1000, 0, None).mean(axis=2)
    height = round(len(hu) * geometry.thickness_mm)
    image = cv2.resize(depth[::-1].astype(np.float32), (SCOUT_ROWS, height), interpolation=cv2.INTER_LINEAR)
    image = np.rint(np.clip(image * 1.6 - 1000, -1000, 2000)).astype(np.int32)
    ds = _common(exam, site)
    ds.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    ds.SeriesDescription = "TOPOGRAM LAT"
    ds.SeriesInstanceUID = unique_id(exam.series_uid, "scout")
    ds.SeriesNumber = 1
    ds.SliceThickness = "0.6"
    ds.ConvolutionKernel = "T20s"
    ds.PixelSpacing = ["1", f"{geometry.pixel_mm * geometry.matrix / SCOUT_ROWS:.8g}"]
    ds.ImageOrientationPatient = ["0", "1", "0", "0", "0", "-1"]
    top, corner = geometry.positions[-1], geometry.positions[0]
    ds.ImagePositionPatient = [f"{v:.4f}" for v in (geometry.centre[0], corner[1], top[2])]
    ds.SOPInstanceUID = unique_id(exam.series_uid, "scout", 1)
    ds.InstanceNumber = 1
    _pixels(ds, image - site.intercept, site.signed, site.intercept)
    ds.RescaleType = "US"  # a projection has no Hounsfield units
    files.write_bytes(encode(ds), folder / _file_name(site, exam, "scout", 1))
