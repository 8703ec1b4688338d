"""The report of the smoke study, opened as a reader opens it."""

import base64
import re
from urllib.parse import unquote

import cv2
import numpy as np
import pytest
from support import write_report

from smartnet.figures.latex import NOTE
from smartnet.files import read_table
from smartnet.report.page import slug, write_page
from smartnet.report.study import Result, Rule, Study

pytestmark = pytest.mark.end_to_end


def test_every_figure_is_whole_and_visible(visit, study, report):
    page = visit(report)
    figures = sorted((study[0] / "results/figures").glob("*.png"))
    assert len(figures) >= 8
    for figure in figures:
        item = page.locator(f"#figure-{slug(figure.stem)}")
        image = item.locator("img")
        image.scroll_into_view_if_needed()
        assert image.is_visible()
        height, width = cv2.imread(str(figure)).shape[:2]
        assert image.evaluate("i => [i.naturalWidth, i.naturalHeight]") == [width, height]
        assert len(item.locator(".caption").inner_text()) > 60
        assert base64.b64decode(image.get_attribute("src").split(",")[1]) == figure.read_bytes()


def test_every_table_is_there_cell_by_cell_and_can_be_taken_along(visit, study, report):
    page = visit(report)
    tables = sorted((study[0] / "results/tables").glob("*.csv"))
    assert len(tables) >= 7
    for file in tables:
        item = page.locator(f"#table-{slug(file.stem)}")
        table = read_table(file, dtype=str).fillna("")
        assert item.locator("table").is_visible()
        assert item.locator("thead th").all_text_contents() == list(table.columns)
        rows = table.to_numpy().tolist()
        if rows[-1][0].startswith(NOTE):
            assert item.locator("p.note").text_content() == rows.pop()[0]
        assert item.locator("td").all_text_contents() == [cell for row in rows for cell in row]
        links = {
            link.get_attribute("download"): link.get_attribute("href") for link in item.locator("a").all()
        }
        for path in (file, file.with_suffix(".tex")):
            assert base64.b64decode(links[path.name].split(",")[1]) == path.read_bytes()


def test_numbers_run_through_the_page(visit, report):
    page = visit(report)
    for kind in ("Figure", "Table"):
        numbers = [n for n in page.locator(".number").all_text_contents() if n.startswith(kind)]
        assert numbers == [f"{kind} {n}" for n in range(1, len(numbers) + 1)]
    sections = page.locator("section.results h2").all_text_contents()
    assert sections[0] == "Data" and sections.index("Classification") < sections.index("Explanation")


def test_every_link_leads_somewhere(visit, study, report):
    page = visit(report)
    links = page.locator("a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    anchors = [link[1:] for link in links if link.startswith("#")]
    files = [link for link in links if not re.match(r"#|data:|https://doi\.org/", link)]
    assert len(anchors) > 20
    assert [anchor for anchor in anchors if page.locator(f"[id='{anchor}']").count() != 1] == []
    assert {"quality/index.html", "cases/index.html", "metrics.csv"} <= set(files)
    assert [file for file in files if not (report.parent / unquote(file)).is_file()] == []


def test_the_contents_follow_the_page(visit, report):
    page = visit(report)
    page.locator(".contents a", has_text="Learning curves").click()
    assert page.locator("#figure-learning").bounding_box()["y"] < 300
    page.wait_for_function("document.querySelector('.contents .here')?.textContent.includes('Learning')")
    assert page.url.endswith("#figure-learning")


def test_filters_hide_and_show_and_stay_in_the_address(visit, report):
    page = visit(report)
    count = page.locator(".item").count()
    page.select_option("[data-filter=kind]", "table")
    assert page.locator(".item[data-kind=figure]:visible").count() == 0
    tables = page.locator(".item[data-kind=table]:visible").count()
    assert 0 < tables < count
    assert page.locator("#training").is_hidden()  # it has no table
    assert page.locator(".filters output").inner_text() == f"{tables} of {count} shown"
    page.reload()
    assert page.locator(".item:visible").count() == tables
    page.locator(".filters [type=reset]").click()
    page.wait_for_function("!location.hash.includes('kind')")
    assert page.locator(".item:visible").count() == count
    page.select_option("[data-filter=figure]", "ROC")
    assert page.locator(".item:visible").evaluate_all("items => items.map(i => i.id)") == ["figure-roc"]
    page.locator(".contents a", has_text="The study").click()
    assert page.url.endswith("#study?figure=ROC")


def test_a_figure_opens_by_itself(visit, report):
    page = visit(report)
    page.locator("#figure-roc button.open").click()
    image = page.locator("dialog.large img")
    assert image.is_visible() and image.evaluate("i => i.naturalWidth") > 1000
    page.keyboard.press("Escape")
    assert image.is_hidden()


def test_graph_and_run_times_have_every_rule(visit, study, report):
    page = visit(report)
    done = set(re.findall(r"^(?:local)?rule (\w+):", study[1], re.MULTILINE)) - {"all"}
    assert set(page.locator(".pill").evaluate_all("pills => pills.map(p => p.dataset.rule)")) == done
    assert set(page.locator(".times code").all_text_contents()) == done
    page.locator("[data-rule=downstream]").click()
    text = page.locator(".rule").inner_text()
    assert "Train a classifier or segmenter of scans" in text
    assert re.search(r"4 jobs, .* in all", text)
    assert "Reads from slices, split, upstream" in text and "predict_classification" in text
    assert page.locator(".chosen path").count() >= 5
    page.locator("[data-rule=downstream]").press("Enter")
    assert page.locator(".chosen path").count() == 0
    bars = page.locator(".times .bar i:first-child").evaluate_all("bars => bars.map(b => b.offsetWidth)")
    assert bars == sorted(bars, reverse=True) and bars[0] > 100


def test_the_configuration_marks_what_differs_from_the_default(visit, report):
    page = visit(report)
    row = page.locator(".settings tr", has_text=re.compile(r"^upstream\.epochs"))
    assert row.locator("td").all_text_contents()[1:] == ["2", "170"]
    assert "changed" in row.get_attribute("class")
    assert page.locator(".settings tr", has_text="split.valid_fraction").get_attribute("class") is None


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 800, 1400])
def test_nothing_is_wider_than_the_window(visit, report, width, scheme):
    page = visit(report, viewport={"width": width, "height": 800}, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", paper)[:3])) > 380) == (scheme == "light")


def test_beyond_the_budget_small_pictures_lead_to_the_files(visit, study):
    (study[0] / "small.yaml").write_text("report: {budget_mb: 1.5}\n")
    path = write_report(study[0], "results/small.html", "small.yaml")
    assert path.stat().st_size <= 1_500_000
    page = visit(path)
    small = page.locator("a.open")
    assert small.count() >= 1
    for link in small.all():
        assert (path.parent / link.get_attribute("href")).is_file()
        assert link.locator("img").evaluate("i => i.naturalWidth") > 0
    path.unlink()


def test_labels_of_models_and_data_sets_become_filters(visit, tmp_path, study):
    labels = [
        {"figure": "ROC", "model": "SMART-Net", "dataset": "Internal"},
        {"figure": "ROC", "model": "Scratch", "dataset": "Public"},
        {"figure": "Seeds", "model": "all", "dataset": "all"},
    ]
    for number in range(3):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((40, 60, 3), 99, np.uint8))
    results = [Result(tmp_path / f"{n}.png", "Classification", label) for n, label in enumerate(labels)]
    rules = [Rule("roc", "figures", "Draw.", [1.0], None, [])]
    page = Study("<p>A study</p>", results, rules, {}, {"seed": 1}, {"seed": 1})
    templates = study[0] / "report"
    write_page(page, root=tmp_path, templates=templates, output=tmp_path / "page.html", budget_mb=1)
    page = visit(tmp_path / "page.html", "#?model=SMART-Net")
    shown = page.locator(".item:visible")
    assert shown.evaluate_all("items => items.map(i => i.id)") == ["figure-0", "figure-2"]
    page.select_option("[data-filter=dataset]", "Public")
    assert shown.evaluate_all("items => items.map(i => i.id)") == ["figure-2"]
    page.goto(f"{(tmp_path / 'page.html').as_uri()}#figure-1")
    assert page.locator("#figure-1").is_visible()
