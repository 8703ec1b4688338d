"""What stands on the page, without a browser."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from smartnet.errors import ConfigError
from smartnet.report.page import slug, write_page
from smartnet.report.runtimes import duration, runtime_rows
from smartnet.report.settings import HIDDEN, config_groups, software
from smartnet.report.study import Result, Rule, Study

TEMPLATES = Path(__file__).parents[3] / "report"
LINK = "<p><strong>ROC</strong> <a href=\"javascript:app.showResultInfo('results/b.csv')\">b</a></p>"


@pytest.fixture
def study(tmp_path):
    folder = tmp_path / "results"
    folder.mkdir()
    cv2.imwrite(str(folder / "roc.png"), np.full((40, 60, 3), 200, np.uint8))
    (folder / "roc.pdf").write_bytes(b"%PDF-1.4")
    (folder / "b.csv").write_text("Set,Model,AUC\nA,x,0.9\nA,<b>,n/a\nB,x,0.8\n")
    (folder / "b.tex").write_text("tabular")
    results = [
        Result(Path("results/b.csv"), "Zebra", {"figure": "Table"}, "<p>of it</p>", [Path("results/b.tex")]),
        Result(Path("results/roc.png"), "Classification", {}, LINK, [Path("results/roc.pdf")]),
    ]
    rules = [Rule("one", "a", "Make </script> it.", [1.0, 65.0], 12.0, [])]
    return Study("<p>About</p>", results, rules, {"a": "Stage a"}, {"seed": 2}, {"seed": 1})


def write(study, tmp_path, output="results/report.html"):
    write_page(study, root=tmp_path, templates=TEMPLATES, output=Path(output), budget_mb=1)
    return (tmp_path / output).read_text()


def test_sections_are_ordered_titles_taken_from_captions_and_links_led_to_anchors(study, tmp_path):
    page = write(study, tmp_path)
    assert re.findall(r'<section class="results" id="(.*?)">', page) == ["classification", "zebra"]
    assert '<a href="#table-b">b</a>' in page and "javascript:" not in page
    assert re.search(r"Fig\. 1</span> <span>ROC</span>", page)
    assert "<td>&lt;b&gt;</td>" in page and 'class="same"' in page and 'class="starts"' in page
    assert page.count("</script>") == 2  # data cannot end the script that holds it
    assert page == write(study, tmp_path)


def test_a_note_stands_below_its_table_and_widens_no_column(study, tmp_path):
    plain = write(study, tmp_path)
    with (tmp_path / "results/b.csv").open("a") as file:
        file.write('"Note: empty scans, and so on.",,\n')
    page = write(study, tmp_path)
    assert '<p class="note">Note: empty scans, and so on.</p>' in page
    assert page.count("<tr") == plain.count("<tr")
    assert page.count('class="num"') == plain.count('class="num"')


def test_a_page_outside_of_the_study_is_refused_without_its_path(study, tmp_path):
    with pytest.raises(ConfigError, match=r"^the report cannot be written to 'report\.html' outside"):
        write_page(
            study,
            root=tmp_path / "results",
            templates=TEMPLATES,
            output=tmp_path / "report.html",
            budget_mb=1,
        )


def test_anchors_are_plain():
    assert slug("3D operators, all of them") == "3d-operators-all-of-them"
    assert slug("table_pretexts") == "table-pretexts"


def test_paths_of_a_configuration_are_not_shown():
    config = {
        "datasets": {"internal": {"path": "relative/of-a-person", "labels": "/data/x.tsv", "shards": 2}},
        "pretrained": {"imagenet": "weights/mine.pth", "checkpoint": None},
        "words": {"folder": "C:\\words", "count": 12},
        "style": {"font": "/home/me/font"},
        "privacy": {"ignore": []},
    }
    defaults = {"words": {"count": 44}, "datasets": {}, "privacy": {"ignore": []}}
    groups = config_groups(config, defaults)
    assert [group["name"] for group in groups] == ["words", "datasets", "privacy", "pretrained", "style"]
    rows = {f"{group['name']}.{row['key']}": row for group in groups for row in group["rows"]}
    hidden = ["datasets.internal.path", "datasets.internal.labels", "pretrained.imagenet", "words.folder"]
    assert all(rows[name]["value"] == HIDDEN for name in [*hidden, "style.font"])
    assert rows["words.count"] == {"key": "count", "value": "12", "default": "44"}
    assert rows["datasets.internal.shards"]["default"] == "not set"
    assert rows["privacy.ignore"] == {"key": "ignore", "value": "none"}
    assert rows["pretrained.checkpoint"]["value"] == "null"


def test_run_times_are_summed_up_longest_first():
    rules = [Rule("short", "a", "", [1, 2], None, []), Rule("long", "b", "", [5, 7], 1234.4, [])]
    first, second = runtime_rows(rules)
    assert (first["rule"], first["jobs"], first["total"], first["longest"]) == ("long", 2, "12 s", "7.0 s")
    assert (first["memory"], first["share"], first["part"]) == ("1,234 MB", 100.0, 58.3)
    assert (second["share"], second["memory"]) == (25.0, "")
    assert runtime_rows([]) == []


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (9.94, "9.9 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (3599.6, "1 h 00 min"),
        (7380, "2 h 03 min"),
    ],
)
def test_durations_are_written_in_the_unit_that_fits(seconds, text):
    assert duration(seconds) == text


def test_software_names_what_is_installed():
    versions = dict(software())
    assert versions["torch"].startswith("2.13.0")
    assert re.fullmatch(r"3\.\d+\.\d+", versions["Python"])
