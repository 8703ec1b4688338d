"""Reference masks on a real tilted series: SEG and NIfTI of one mask must give the same volume of labels."""

import highdicom as hd
import numpy as np
import pydicom
from highdicom.sr.coding import CodedConcept
from real_files import NEEDS_DATA, ROOT
from unit.factories import run_volumes

from smartnet.files import read_nifti, read_table, write_nifti

pytestmark = NEEDS_DATA
TILTED = "neurolabusc+dcm_qa_ct/In/Philips/S21610/S2010"


def ingest(folder, images, mask):
    """Take a series with a mask to volumes; give the labels."""
    data = folder / "data"
    (data / "dicom").mkdir(parents=True)
    (data / "dicom" / "series").symlink_to(ROOT / TILTED)
    series = images[0].SeriesInstanceUID
    (data / "labels.tsv").write_text(f"series_uid\themorrhage\tmask\n{series}\t1\t{mask.name}\n")
    (data / "masks").symlink_to(mask.parent)
    volumes = run_volumes(data, folder, on_rejected="stop")
    (case,) = read_table(volumes / "cases.tsv")["case"]
    return read_nifti(volumes / f"{case}_mask.nii.gz")[0]


def test_a_seg_of_a_tilted_series_is_what_the_nifti_is(tmp_path):
    images = [pydicom.dcmread(path) for path in sorted((ROOT / TILTED).iterdir())]
    images.sort(key=lambda image: float(image.ImagePositionPatient[2]))
    mask = np.stack([image.pixel_array for image in images]) % 7 == 3
    mask[::3] = False
    code = CodedConcept("4147007", "SCT", "Mass")
    segment = hd.seg.SegmentDescription(1, "IPH", code, code, "MANUAL")
    seg = hd.seg.Segmentation(
        images[::-1], mask[::-1], "BINARY", [segment], hd.UID(), 1, hd.UID(), 1, "m", "m", "1", "1"
    )
    seg.save_as(tmp_path / "mask.dcm")
    first, last = (np.array(images[index].ImagePositionPatient, dtype=float) for index in (0, -1))
    row, column = np.reshape(np.array(images[0].ImageOrientationPatient, dtype=float), (2, 3))
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = row * images[0].PixelSpacing[1], column * images[0].PixelSpacing[0]
    affine[:3, 2], affine[:3, 3] = (last - first) / (len(images) - 1), first
    write_nifti(mask.astype(np.uint8) * 2, affine, tmp_path / "mask.nii.gz")
    found = ingest(tmp_path / "seg", images, tmp_path / "mask.dcm")
    assert set(np.unique(found)) == {0, 2}
    np.testing.assert_array_equal(found, ingest(tmp_path / "nifti", images, tmp_path / "mask.nii.gz"))
