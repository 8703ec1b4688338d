import shutil

import numpy as np
import pytest
import torch
from factories import CTSeries, head, numbered, run_volumes, write_labels, write_series
from sklearn.metrics import average_precision_score
from torch import nn

from smartnet.errors import DataError, ModelError
from smartnet.explain.browsed import map_browsed
from smartnet.explain.cam import seg_grad_cam, slice_profile
from smartnet.explain.cases import choose_cases
from smartnet.explain.maps import compute_maps, placed
from smartnet.explain.start import Start
from smartnet.files import read_nifti, read_table, write_nifti, write_table
from smartnet.networks import min_max
from smartnet.slices.build import build_shard
from smartnet.slices.dataset import SliceSet


def compute(study, start, output, cases=None):
    root, folders = study
    if cases is None:
        cases = output / "cases.tsv"
        choose_cases(folders, root / "split.tsv", output=cases, count=3, seed=1)
    volumes = [root / "volumes" / name for name in ("internal", "public")]
    compute_maps(start, cases, folders, volumes, root / "split.tsv", output=output / "maps", seed=1)
    return output / "maps"


@pytest.fixture(scope="module")
def written(study, start, tmp_path_factory):
    return compute(study, start, tmp_path_factory.mktemp("maps"))


def test_maps_are_written_for_every_case_and_repeat_byte_for_byte(study, start, written, tmp_path):
    again = compute(study, start, tmp_path)
    files = [path.relative_to(written) for path in sorted(written.rglob("*")) if path.is_file()]
    assert len(files) == 5 + 2 * 3
    for file in files:
        assert (written / file).read_bytes() == (again / file).read_bytes()
    table = read_table(written / "maps.tsv")
    assert list(table.columns) == ["case", "dataset", "z", "lesion_ml"]
    for name in ("activation.npy", "gradcam.npy"):
        array = np.load(written / name)
        assert array.shape == (3, 32, 32) and array.dtype == np.float32
        assert array.min() >= 0 and array.max() <= 1
    assert np.load(written / "activation.npy").max() == 1


def test_volumes_profile_and_panels_show_the_same_map(study, start, written):
    root, folders = study
    test = SliceSet.open(folders, root / "split.tsv", subset="test")
    profiles = read_table(written / "profile.csv")
    assert list(profiles.columns) == ["case", "dataset", "z", "evidence", "peak", "lesion_px", "lesion_mm2"]
    for number, row in enumerate(read_table(written / "maps.tsv").itertuples()):
        index = int(np.flatnonzero(test.cases["case"] == row.case)[0])
        maps = start.maps(start.slices(np.array(test.volume(index)[0])))
        np.testing.assert_array_equal(np.load(written / "gradcam.npy")[number], maps["gradcam"][row.z - 2])
        own = profiles[profiles["case"] == row.case]
        assert list(own["z"]) == list(range(2, 2 + len(maps["gradcam"])))
        np.testing.assert_allclose(own["evidence"], slice_profile(maps["gradcam"]), atol=1e-6)
        np.testing.assert_allclose(own["lesion_mm2"], own["lesion_px"] * 5.0)
        for name in ("gradcam", "segcam"):
            whole, affine = read_nifti(written / "volumes" / f"{row.case}_{name}.nii.gz")
            reference, expected = read_nifti(root / "volumes" / row.dataset / f"{row.case}_mask.nii.gz")
            assert whole.shape == reference.shape and whole.dtype == np.uint8
            np.testing.assert_array_equal(affine, expected)
            np.testing.assert_array_equal(whole[2:], np.rint(maps[name] * 255))
            assert not whole[:2].any()


def test_randomisation_has_a_row_per_case_draw_and_step(written):
    table = read_table(written / "randomisation.csv")
    assert list(table.columns) == ["case", "dataset", "draw", "step", "ssim", "spearman"]
    assert len(table) == 3 * 5 * 7
    assert table["ssim"].between(-1, 1).all() and table["spearman"].dropna().between(-1, 1).all()


def test_a_training_case_is_refused(study, start, tmp_path):
    root, _ = study
    table = read_table(root / "public" / "1" / "cases.tsv").iloc[:1].assign(z=3)
    write_table(table[["case", "dataset", "z", "lesion_ml"]], tmp_path / "cases.tsv")
    with pytest.raises(DataError, match="cpublic10 is not a test case"):
        compute(study, start, tmp_path, cases=tmp_path / "cases.tsv")


def test_a_case_without_its_mask_is_refused(study, start, tmp_path):
    root, folders = study
    volumes = shutil.copytree(root / "volumes", tmp_path / "volumes")
    choose_cases(folders, root / "split.tsv", output=tmp_path / "cases.tsv", count=3, seed=1)
    case = read_table(tmp_path / "cases.tsv")["case"].iloc[0]
    next(volumes.glob(f"*/{case}_mask.nii.gz")).unlink()
    with pytest.raises(DataError, match=f"case {case} has no reference mask among its volumes: choose"):
        compute_maps(
            start,
            tmp_path / "cases.tsv",
            folders,
            sorted(volumes.iterdir()),
            root / "split.tsv",
            output=tmp_path,
            seed=1,
        )


def test_a_network_of_another_kind_is_refused(networks):
    folders = [networks / name for name in ("upstream", "segmenter", "classifier")]
    with pytest.raises(ModelError, match="holds a segmenter, but a classifier is needed"):
        Start.load(*folders, gpu=0, threads=1, max_slices=64)


class Copying(nn.Module):
    """Whatever is bright is lesion; its features are the image."""

    def __init__(self):
        super().__init__()
        self.seg_decoder = nn.Identity()

    def forward_packed(self, slices, depths):
        return 20 * self.seg_decoder(slices) - 10


@pytest.mark.parametrize("tilt", [0.0, 18.0])
@pytest.mark.parametrize("crop_margin", [None, 0.05])
def test_placed_maps_lie_where_the_lesion_is(tmp_path, tilt, crop_margin):
    """From DICOM to straightened volumes, to slices, to a map that copies the lesion, and back."""
    series = numbered(CTSeries(shape=(34, 96, 96), spacing_mm=(5, 2, 2), tilt_deg=tilt), 1)
    hu, world = series.sample(head), series.world_mm()
    lesion = np.linalg.norm(world - [25.0, 10.0, 25.0], axis=-1) < 16
    hu[lesion] = 65
    write_series(tmp_path / "data" / "dicom", series, hu)
    write_nifti(lesion.astype(np.uint8), series.affine, tmp_path / "data" / "masks" / "one.nii.gz")
    write_labels(tmp_path / "data", [{"study_uid": series.study, "hemorrhage": 1, "mask": "one.nii.gz"}])
    volumes = run_volumes(tmp_path / "data", tmp_path)
    settings = {"level": 40, "width": 80, "clahe_clip": 0, "clahe_tiles": 1, "min_speck_px": 0}
    build_shard(volumes, tmp_path / "slices", size=(96, 96), crop_margin=crop_margin, **settings)
    cases = read_table(tmp_path / "slices" / "cases.tsv")
    write_table(cases[["case", "patient", "dataset"]].assign(split="test"), tmp_path / "split.tsv")
    data = SliceSet.open([tmp_path / "slices"], tmp_path / "split.tsv", subset="test")
    assert (data.crop(0) is None) == (crop_margin is None)
    copy = min_max(torch.tensor(data.volume(0)[1] * np.uint8(255))[:, None])
    evidence = seg_grad_cam(Copying(), copy, threshold=0.5).numpy()
    reference, _ = read_nifti(volumes / f"{cases['case'][0]}_mask.nii.gz")
    whole = placed(evidence, data.slices["z"].to_numpy(), reference.shape, crop=data.crop(0))
    assert whole.max() == 255
    assert average_precision_score(reference.ravel() > 0, whole.ravel()) > 0.97
    shifted = np.roll(whole, 4, axis=2)
    assert average_precision_score(reference.ravel() > 0, shifted.ravel()) < 0.9


def test_browsed_cases_have_the_same_map_in_ct_space(study, networks, written, tmp_path):
    root, folders = study
    volumes = [root / "volumes" / name for name in ("internal", "public")]
    options = {"gpu": 0, "threads": 1, "max_slices": 8}
    places = (networks / "classifier", written / "maps.tsv", folders, volumes, root / "split.tsv")
    map_browsed(*places, output=tmp_path / "maps", **options)
    for case in read_table(written / "maps.tsv")["case"]:
        ours, affine = read_nifti(tmp_path / "maps" / f"{case}.nii.gz")
        theirs, same = read_nifti(written / "volumes" / f"{case}_gradcam.nii.gz")
        np.testing.assert_array_equal(ours, theirs)
        np.testing.assert_array_equal(affine, same)
    write_table(read_table(written / "maps.tsv").assign(case="cnobody"), tmp_path / "cases.tsv")
    with pytest.raises(DataError, match="case cnobody is not a test case; choose the cases again"):
        map_browsed(places[0], tmp_path / "cases.tsv", *places[2:], output=tmp_path / "maps", **options)
