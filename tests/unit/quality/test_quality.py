"""Contact sheets, the summary and the page, from volumes that the real ingestion made."""

import re
import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from factories import CTSeries, head, numbered, run_volumes, write_labels, write_series

from smartnet.files import read_json, read_nifti, read_table, write_nifti
from smartnet.quality.page import write_page
from smartnet.quality.sheets import COLUMNS, HEAD_PX, TILE_PX, draw_sheet, write_sheets
from smartnet.quality.summary import count, kind_of, read_cases, summarise, table_quality

TEMPLATE = Path(__file__).parents[3] / "report/quality.html.jinja"
ORANGE = 60  # red above blue by so much: the outline


@pytest.fixture(scope="module")
def quality(tmp_path_factory):
    """One scan with a mask, one uneven, one localizer, one without slices enough; their sheets and page."""
    tmp_path = tmp_path_factory.mktemp("quality")
    data, series = tmp_path / "data", CTSeries(shape=(30, 48, 48), tilt_deg=8)
    hu = series.sample(head)
    lesion = np.linalg.norm(series.world_mm() - [20.0, 0.0, 20.0], axis=-1) < 25
    write_series(data / "dicom/1", series, np.where(lesion, 65, hu))
    write_nifti(lesion.astype(np.uint8), series.affine, data / "masks/one.nii.gz")
    uneven = numbered(CTSeries(z_offsets_mm=(0, 0, 0, 0, 5, 10, 15, 20)), 2, tags={"KVP": "100"})
    write_series(data / "dicom/2", uneven)
    scout = numbered(CTSeries(), 3, tags={"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]})
    write_series(data / "dicom/3", scout)
    write_series(data / "dicom/4", numbered(CTSeries(shape=(3, 48, 48)), 4))
    rows = [{"study_uid": series.study, "hemorrhage": 1, "mask": "one.nii.gz"}]
    write_labels(data, rows + [{"study_uid": numbered(series, n).study, "hemorrhage": 0} for n in (2, 3, 4)])
    volumes = run_volumes(data, tmp_path)
    write_sheets(volumes, tmp_path / "quality/site/0")
    write_page([volumes], [tmp_path / "quality/site/0"], TEMPLATE, tmp_path / "quality/index.html")
    return tmp_path


def test_a_sheet_shows_the_slices_in_order_with_the_outline_where_the_mask_is(quality):
    volumes = quality / "volumes"
    case = next(volumes.glob("*_mask.nii.gz"))
    masks = {path: read_nifti(path)[0] for path in volumes.glob("*_mask.nii.gz")}
    case = max(masks, key=lambda path: masks[path].sum())
    name = case.name.removesuffix("_mask.nii.gz")
    volume, sidecar = read_nifti(volumes / f"{name}.nii.gz")[0], read_json(volumes / f"{name}.json")
    sheet = draw_sheet(volume, masks[case], sidecar).astype(int)
    width = sheet.shape[1] // COLUMNS
    assert sheet.shape == (2 * HEAD_PX + 3 * TILE_PX, COLUMNS * width, 3)
    shown = np.unique(np.linspace(0, 29, 24).round().astype(int))
    for place, z in enumerate(shown):
        y, x = 2 * HEAD_PX + place // COLUMNS * TILE_PX, place % COLUMNS * width
        tile = sheet[y : y + TILE_PX, x : x + width]
        outlined = (tile[..., 2] - tile[..., 0] > ORANGE).any()
        assert outlined == (masks[case][z].any()), z
    bare = draw_sheet(volume, None, sidecar).astype(int)
    assert not (bare[..., 2] - bare[..., 0] > ORANGE).any()
    assert (bare[2 * HEAD_PX :].max(axis=2) > 200).mean() > 0.05  # bone is white
    assert (bare[2 * HEAD_PX :, :, 0] == 0).mean() > 0.3  # air is black


def test_a_volume_of_few_slices_in_its_true_aspect(quality):
    volume = np.full((4, 40, 60), -1000, np.int16)
    volume[:, 5:35, 10:50] = 40
    sidecar = read_json(next((quality / "volumes").glob("c*.json"))) | {"spacing_mm": [5.0, 2.0, 1.0]}
    sheet = draw_sheet(volume, None, sidecar)
    assert sheet.shape[0] in (2 * HEAD_PX + TILE_PX, 3 * HEAD_PX + TILE_PX)
    tile = sheet[-TILE_PX:, : sheet.shape[1] // COLUMNS, 0] > 60
    tile[:, :20] = False  # letters
    rows, columns = np.flatnonzero(tile.any(axis=1)), np.flatnonzero(tile.any(axis=0))
    assert (np.ptp(rows) + 1) / 60 == pytest.approx((columns[-1] + 1 - 20) / 40, rel=0.6)
    assert (np.ptp(rows) + 1) > 1.2 * (np.ptp(columns) + 1)


def test_sheets_are_small_and_the_same_again(quality, tmp_path):
    write_sheets(quality / "volumes", tmp_path)
    files = sorted((quality / "quality/site/0").iterdir())
    assert len(files) == 2
    for file in files:
        assert file.read_bytes() == (tmp_path / file.name).read_bytes()
        assert file.stat().st_size < 150_000
        assert cv2.imread(str(file)) is not None


def test_the_summary_counts_and_measures(quality):
    cases = read_cases([quality / "volumes"])
    row = summarise(cases).iloc[0]
    assert (row["Series"], row["Accepted"], row["Rejected"], row["Flagged"]) == (4, 2, 2, 1)
    assert row["kVp"] == "110 (100 to 120)"
    assert row["Tilt (deg)"] == "4.0 (0.0 to 8.0)"
    assert row["Air (HU)"] == "-1000" and row["Vendor"] == "TESTVENDOR"
    table_quality([quality / "volumes"], output_csv=quality / "t.csv", output_tex=quality / "t.tex")
    assert (
        read_table(quality / "t.csv")["Accepted"][0] == 2 and r"\toprule" in (quality / "t.tex").read_text()
    )


def test_a_data_set_of_which_nothing_is_left_is_summarised_too(quality):
    cases = read_cases([quality / "volumes"])
    row = summarise(cases[cases["verdict"] == "rejected"]).iloc[0]
    assert (row["Accepted"], row["Gap (mm)"], row["Kernel"]) == (0, "n/a", "n/a")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("missing slice: a gap of 10.000 mm beside gaps of 5.000 mm", "missing slice"),
        (
            "another series of the study suits better (score 4.00, here 3.50)",
            "another series of the study suits better",
        ),
        ("8 copies of slices left out", "copies of slices left out"),
        ("12-bit wraparound repaired in 8 slices", "12-bit wraparound repaired in slices"),
        ("", ""),
    ],
)
def test_reasons_are_counted_by_their_kind(text, kind):
    assert kind_of(text) == kind


def test_counts_have_the_most_frequent_first():
    assert list(count(["b", "a", "a", "", "c"]).items()) == [("a", 2), ("b", 1), ("c", 1)]


def test_the_page_lists_flagged_cases_first_rejections_with_reasons_and_escapes(quality, tmp_path):
    page = (quality / "quality/index.html").read_text()
    figures = re.findall(r'<figure data-case="(c\w+)"( class="flagged")?', page)
    assert [bool(flagged) for _, flagged in figures] == [True, False]
    assert "1 &times; localizer" in page and "1 &times; not a stack" in page
    assert "uneven spacing: gaps of 5.000 to 10.000 mm" in page
    for source in re.findall(r'src="([^"]+)"', page):
        assert (quality / "quality" / source).is_file() and not source.startswith("/")
    assert "SECRET" not in page and "http" not in page
    table = (quality / "volumes/cases.tsv").read_text()
    shutil.copytree(quality / "volumes", tmp_path / "volumes")
    (tmp_path / "volumes/cases.tsv").write_text(table.replace("TESTVENDOR", "<script>alert(1)</script>"))
    write_page([tmp_path / "volumes"], [quality / "quality/site/0"], TEMPLATE, tmp_path / "index.html")
    assert "&lt;script&gt;alert" in (tmp_path / "index.html").read_text()


PROBE = """<script>
addEventListener("load", () => {
  const wide = [...document.images].map(image => image.naturalWidth > 500).join();
  $("flagged").checked = true;
  filter();
  document.title = wide + " " + $("shown").textContent;
});
</script></html>"""


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is missing: install Debian's chromium")
def test_a_browser_shows_every_sheet_and_the_filter_counts(quality):
    page = quality / "quality/index.html"
    probe = page.with_name("probe.html")
    # Without lazy loading, the load event waits for every picture.
    probe.write_text(page.read_text().replace(' loading="lazy"', "").replace("</html>", PROBE))
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu"]
    shown = subprocess.run(
        [*command, "--dump-dom", probe.as_uri()], capture_output=True, text=True, timeout=60, check=True
    )
    assert "<title>true,true 1 cases</title>" in shown.stdout
