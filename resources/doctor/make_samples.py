"""Makes the samples of ``make doctor``: one invented image in every transfer syntax that CT comes in.

Run from the root, with DCMTK's ``dcmcjpeg`` for the JPEG family: ``.venv/bin/python
resources/doctor/make_samples.py``. The lossless ones hold what ``1.ct`` holds. No patient and no scanner had
a part in them.
"""

import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import FileMetaDataset

HERE = Path(__file__).parent
PREFIX = "1.2.840.10008.1.2"
UID = "2.25.109358623846209485"
SIDE = 32
NATIVE = {"0": (True, True), "1": (False, True), "1.99": (False, True), "2": (False, False)}
ENCODED = {"5": {}, "4.80": {}, "4.81": {"jls_error": 4}, "4.90": {}, "4.91": {"j2k_cr": [4]}}
JPEG = {"4.50": ["+eb", "+q", "98"], "4.51": ["+ee", "+q", "98"], "4.57": ["+el"], "4.70": ["+e1"]}


def image(bits: int = 12) -> pydicom.Dataset:
    """Make the image: a smooth blob on a slope, (32, 32) of 8 or 12 bits, as CT in HU."""
    row, column = np.mgrid[:SIDE, :SIDE] / (SIDE - 1)
    blob = np.exp(-8 * ((row - 0.45) ** 2 + (column - 0.6) ** 2))
    slope = blob + 0.3 * row + 0.1 * column
    # The full range: DCMTK would stretch anything less to it before it compresses with loss.
    stored = np.rint(4095 * (slope - slope.min()) / np.ptp(slope)).astype(np.uint16)
    dataset = pydicom.Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = pydicom.uid.CTImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = f"{UID}.3"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"{UID}.1", f"{UID}.2"
    dataset.Modality, dataset.PatientID, dataset.PatientName = "CT", "SAMPLE", "SAMPLE"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = [0, 0, 0], [1, 0, 0, 0, 1, 0]
    dataset.PixelSpacing, dataset.SliceThickness, dataset.KVP = [4, 4], 5, 120
    dataset.Rows = dataset.Columns = SIDE
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16 if bits > 8 else 8, bits, bits - 1
    dataset.PixelRepresentation = 0
    dataset.RescaleSlope, dataset.RescaleIntercept = 1 << (12 - bits), -1024
    dataset.PixelData = (stored if bits > 8 else (stored >> 4).astype(np.uint8)).tobytes()
    return dataset


def save(dataset: pydicom.Dataset, syntax: str, path: Path) -> None:
    """Write without compression of the pixels; for big endian they are swapped here."""
    implicit, little = NATIVE[syntax]
    if not little:
        dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").byteswap().tobytes()
    dataset.file_meta.TransferSyntaxUID = PREFIX if implicit else f"{PREFIX}.{syntax}"
    dataset.save_as(path, implicit_vr=implicit, little_endian=little, enforce_file_format=True)


def jpeg(syntax: str) -> pydicom.Dataset:
    """Encode one of the JPEG family, which pydicom cannot; only the frame is taken from DCMTK."""
    dataset = image(8 if syntax == "4.50" else 12)
    with tempfile.TemporaryDirectory() as folder:
        plain, coded = Path(folder, "plain"), Path(folder, "coded")
        save(dataset, "1", plain)
        subprocess.run(["dcmcjpeg", *JPEG[syntax], "+un", plain, coded], check=True)
        dataset.PixelData = pydicom.dcmread(coded).PixelData
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = f"{PREFIX}.{syntax}"
    return dataset


def main() -> None:
    """Write all samples beside this file."""
    for syntax in NATIVE:
        save(image(), syntax, HERE / f"{syntax}.ct")
    for syntax, options in ENCODED.items():
        dataset = image()
        dataset.file_meta.TransferSyntaxUID = f"{PREFIX}.1"
        dataset.compress(f"{PREFIX}.{syntax}", generate_instance_uid=False, **options)
        dataset.save_as(HERE / f"{syntax}.ct", enforce_file_format=True)
    for syntax in JPEG:
        jpeg(syntax).save_as(HERE / f"{syntax}.ct", enforce_file_format=True)


if __name__ == "__main__":
    main()
