"""The case browser of the smoke study, driven by keyboard, mouse and address."""

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from smartnet.browser.page import write_browser
from smartnet.files import read_nifti, read_table, write_nifti

pytestmark = pytest.mark.end_to_end
CLASSIFIER, SEGMENTER = "smartnet_bilstm", "smartnet_conv3d"


@pytest.fixture(scope="module")
def browser(study):
    return study[0] / "results/cases/index.html"


def cases_of(page):
    return json.loads(page.locator("#study").text_content())["cases"]


def drawn(page):
    """Pixels of the slice, once all its layers are loaded."""
    page.wait_for_function("document.getElementById('canvas').dataset.drawn")
    return page.locator("#stage").screenshot()


def pixels(screenshot):
    return cv2.imdecode(np.frombuffer(screenshot, np.uint8), cv2.IMREAD_COLOR).astype(int)


def slice_of(page):
    return int(re.match(r"slice (\d+) of", page.locator("#where").inner_text())[1])


def selected(page):
    return page.locator("[role=option][aria-selected=true]").get_attribute("data-case")


def listed(page):
    return page.locator("[role=option]").evaluate_all("items => items.map(i => i.dataset.case)")


def test_the_keyboard_goes_through_the_slices(visit, browser):
    page = visit(browser)
    page.keyboard.press("Home")
    lowest = drawn(page)
    assert slice_of(page) == 1
    page.keyboard.press("ArrowUp")
    assert slice_of(page) == 2
    assert drawn(page) != lowest
    page.keyboard.press("k")
    page.keyboard.press("j")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert slice_of(page) == 1
    assert drawn(page) == lowest
    page.keyboard.press("End")
    total = cases_of(page)[0]["slices"]
    assert slice_of(page) > 10 and page.locator("#slider").input_value() == str(slice_of(page) - 1)
    page.keyboard.press("5")
    assert abs(slice_of(page) - total / 2) < 4


def test_the_keyboard_goes_through_the_cases_and_opens_the_fullest_slice(visit, browser):
    page = visit(browser)
    cases = {entry["case"]: entry for entry in cases_of(page)}
    order = listed(page)
    assert selected(page) == order[0]
    for case in order[1:]:
        page.keyboard.press("ArrowRight")
        assert selected(page) == case
        entry = cases[case]
        areas = np.add(entry["truth_mm2"], entry["prediction_mm2"])
        if areas.any():
            assert slice_of(page) == entry["z"][int(areas.argmax())] + 1
        assert case in page.locator("#numbers").inner_text()
    page.keyboard.press("ArrowRight")
    assert selected(page) == order[-1]
    page.keyboard.press("ArrowLeft")
    assert selected(page) == order[-2]


@pytest.mark.parametrize(("key", "layer"), [("t", "truth"), ("p", "prediction")])
def test_layers_are_toggled(visit, browser, key, layer):
    page = visit(browser)
    entry = next(entry for entry in cases_of(page) if any(entry[f"{layer}_mm2"]))
    page.locator(f"[data-case={entry['case']}]").click()
    at = int(np.argmax(entry[f"{layer}_mm2"]))
    page.locator("#slider").fill(str(at))
    other = page.locator(f"[data-layer={'prediction' if layer == 'truth' else 'truth'}]")
    if other.is_enabled():
        other.click()  # it might lie on top
    shown = drawn(page)
    button = page.locator(f"[data-layer={layer}]")
    assert button.get_attribute("aria-pressed") == "true"
    page.keyboard.press(key)
    assert button.get_attribute("aria-pressed") == "false"
    assert drawn(page) != shown
    page.keyboard.press(key)
    assert drawn(page) == shown


def test_cases_are_sorted_by_error(visit, browser, study):
    page = visit(browser)
    folder = study[0] / "results/predictions"
    for sort, model in (("classification", CLASSIFIER), ("overlap", SEGMENTER), ("false", SEGMENTER)):
        page.select_option("#sort", sort)
        error = {}
        for file in (folder / model / "seed-1").glob("*.csv"):
            table = read_table(file)
            if sort == "classification":
                values = (table["truth"] - table["probability"]).abs()
            elif sort == "overlap":
                dsc = 2 * table["overlap_ml"] / (table["truth_ml"] + table["predicted_ml"])
                values = (1 - dsc).where(table["truth_ml"] > 0, -1)
            else:
                values = table["predicted_ml"] - table["overlap_ml"]
            error |= dict(zip(table["case"], values, strict=True))
        errors = [error[case] for case in listed(page)]
        assert len(errors) == 6
        assert errors == sorted(errors, reverse=True)


def test_the_list_is_filtered_by_data_set_and_kind_of_error(visit, browser):
    page = visit(browser)
    cases = {entry["case"]: entry for entry in cases_of(page)}
    page.select_option("#set", "public")
    assert listed(page) and {cases[case]["set"] for case in listed(page)} == {"public"}
    page.select_option("#set", "")
    for kind in page.locator("#kind option").evaluate_all("o => o.map(o => o.value)")[1:]:
        page.select_option("#kind", kind)
        fits = [c for c, e in cases.items() if (kind in e["wrong"] if kind != "none" else not e["wrong"])]
        assert sorted(listed(page)) == sorted(fits)


def test_the_address_remembers_case_slice_and_list(visit, browser):
    page = visit(browser)
    page.select_option("#sort", "false")
    page.select_option("#set", "internal")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("7")
    case, at, order = selected(page), slice_of(page), listed(page)
    page.reload()
    assert (selected(page), slice_of(page), listed(page)) == (case, at, order)


def test_wheel_slider_and_profile_move_the_slice(visit, browser):
    page = visit(browser)
    page.keyboard.press("3")
    start = slice_of(page)
    page.locator("#stage").hover()
    page.mouse.wheel(0, -120)
    page.wait_for_function(f"document.getElementById('where').textContent.includes('slice {start + 3} ')")
    page.locator("#slider").fill("0")
    assert slice_of(page) == 1
    box = page.locator("#profile").bounding_box()
    page.mouse.click(box["x"] + box["width"] - 2, box["y"] + 20)
    assert slice_of(page) > start + 3


def test_help_opens_and_keys_rest_while_it_is_open(visit, browser):
    page = visit(browser)
    at = slice_of(page)
    page.keyboard.press("?")
    assert page.locator("#keys").is_visible()
    page.keyboard.press("k")
    assert slice_of(page) == at
    page.keyboard.press("Escape")
    assert page.locator("#keys").is_hidden()


def test_a_map_is_toggled(visit, study, tmp_path):
    """Every case gets a map that rises with the slice; the page is made again with them."""
    folder = study[0]
    volumes = [folder / f"results/volumes/{dataset}/0" for dataset in ("internal", "public")]
    for file in (file for shard in volumes for file in shard.glob("c" + "[0-9a-f]" * 12 + ".nii.gz")):
        hu, affine = read_nifti(file)
        rising = np.linspace(0, 255, len(hu)).round().astype(np.uint8)
        write_nifti(np.broadcast_to(rising[:, None, None], hu.shape), affine, tmp_path / "maps" / file.name)
    runs = [
        {
            "model": model,
            "task": task,
            "dataset": dataset,
            "table": str(folder / f"results/predictions/{model}/seed-1/{dataset}.csv"),
            "threshold": str(folder / f"results/downstream/{model}/seed-1/threshold.json"),
        }
        for model, task in ((CLASSIFIER, "classification"), (SEGMENTER, "segmentation"))
        for dataset in ("internal", "public")
    ]
    template, page = folder / "report/browser.html.jinja", tmp_path / "cases/index.html"
    colours = {"truth": "#009E73", "ours": "#D55E00"}
    chosen = folder / "results/maps/browsed.tsv"
    options = {"colours": colours, "template": template, "output": page}
    write_browser(runs, chosen, volumes, [tmp_path / "maps"], **options)
    page = visit(page)
    page.keyboard.press("9")
    without = drawn(page)
    page.keyboard.press("m")
    assert page.locator("[data-layer=map]").get_attribute("aria-pressed") == "true"
    assert drawn(page) != without
    page.keyboard.press("m")
    assert drawn(page) == without
    page.keyboard.press("m")
    page.keyboard.press("Home")  # the map is zero there, and adds nothing
    low = pixels(drawn(page))
    page.keyboard.press("m")
    assert np.abs(pixels(drawn(page)) - low).max() < 12  # JPEG


def test_a_phone_shows_all_of_it(visit, browser):
    page = visit(browser, viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert len(drawn(page)) > 5000
    case = selected(page)
    page.locator("#next").click()
    assert selected(page) != case
    for part in ("#list", "#stage", "#slider", "#numbers"):
        assert page.locator(part).is_visible()


def test_every_sheet_is_there_and_nothing_else(browser):
    cases = json.loads(re.search(r'id="study">(.*?)</script>', browser.read_text(), re.DOTALL)[1])["cases"]
    wanted = {f"{entry['set']}/thumbs.jpg" for entry in cases}
    for entry in cases:
        layers = [layer for layer in ("truth", "prediction") if any(entry[f"{layer}_mm2"] or [])]
        wanted |= {f"{entry['set']}/{entry['case']}-{layer}.png" for layer in layers}
        photographs = ["image", "map"] if entry["map"] else ["image"]
        wanted |= {f"{entry['set']}/{entry['case']}-{layer}.jpg" for layer in photographs}
    found = {str(file.relative_to(browser.parent)) for file in Path(browser.parent).glob("*/*.*")}
    assert {name for name in found if not Path(name).name.startswith(".")} == wanted
