"""The page of the browser, and the sheets beside it."""

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from smartnet.browser.errors import ERRORS, KINDS, read_errors
from smartnet.browser.sprites import COLUMNS, draw_case, write_thumbs
from smartnet.figures.names import KINDS as LESIONS
from smartnet.figures.names import display_dataset, display_name, sort_datasets
from smartnet.files import read_json, read_table, write_bytes
from smartnet.parallel import map_processes
from smartnet.predict.scans import find_scan

logger = logging.getLogger(__name__)

SEGMENTED = "segmentation"


def write_browser(
    runs: Sequence[Mapping[str, Any]],
    chosen: Path,
    volumes: Sequence[Path],
    maps: Sequence[Path],
    *,
    colours: Mapping[str, str],
    template: Path,
    output: Path,
    threads: int = 1,
) -> None:
    """Write the page and, in a folder per data set beside it, the sheets of its cases.

    Args:
        runs: ``model``, ``task``, ``dataset``, ``table``, ``threshold`` of one classifier, one segmenter, or
            both, on every test set; the masks of a segmenter lie in the folder named as its table.
        chosen: table of ``choose_browsed``.
        volumes: shards of volumes of the test sets.
        maps: folders that may hold a map ``{case}.nii.gz`` of a case, uint8 on the volume's grid.
        colours: of outlines, ``truth`` and ``ours``.
        template: Jinja2 template of the page.
        output: the HTML file.
        threads: processes that draw.
    """
    points = {run["task"]: read_json(run["threshold"])["threshold"] for run in runs}
    cases, browsed = read_errors(runs), read_table(chosen, dtype={"case": str, "dataset": str})
    kinds = _kinds_of_hemorrhage(volumes)
    folders = {run["dataset"]: Path(run["table"]).with_suffix("") for run in runs if run["task"] == SEGMENTED}
    draw = partial(
        _draw,
        volumes=volumes,
        maps=[Path(folder) for folder in maps],
        colours={"truth": colours["truth"], "prediction": colours["ours"]},
    )
    shown = []
    for dataset in sort_datasets(run["dataset"] for run in runs):
        folder = Path(output).parent / dataset
        folder.mkdir(parents=True, exist_ok=True)
        own = cases.set_index("case").loc[browsed.loc[browsed["dataset"] == dataset, "case"]].reset_index()
        paint = partial(draw, masks=folders.get(dataset, folder / "no-segmenter"), folder=folder)
        drawn = list(map_processes(paint, own["case"].tolist(), threads=threads))
        if drawn:
            write_thumbs([entry.pop("thumb") for entry in drawn], folder / "thumbs.jpg")
        for place, (row, entry) in enumerate(zip(own.to_dict("records"), drawn, strict=True)):
            shown.append(_entry(row, place, kinds[row["case"]]) | entry)
        logger.info("%s: %d of %d cases", dataset, len(own), int((cases["dataset"] == dataset).sum()))
    names = {run["task"]: display_name(run["model"]) for run in runs}
    study = {"columns": COLUMNS, "names": names, "points": points, "cases": shown}
    write_bytes(_page(study, cases, colours, template).encode(), output)


def _draw(case: str, *, volumes: Sequence[Path], masks: Path, **how: Any) -> dict:
    return draw_case(find_scan(volumes, case), mask=masks / f"{case}.nii.gz", **how)


def _kinds_of_hemorrhage(volumes: Sequence[Path]) -> dict[str, str]:
    """Name the kinds of every case, as its labels have them."""
    tables = [read_table(Path(folder) / "cases.tsv", dtype={"case": str}) for folder in volumes]
    rows = pd.concat(tables, ignore_index=True)[["case", *LESIONS]].to_dict("records")
    return {row["case"]: ", ".join(kind for kind in LESIONS if row[kind] == 1) for row in rows}


def _entry(row: Mapping[str, Any], place: int, kinds: str) -> dict[str, Any]:
    numbers = {name: row[name] for name in ("probability", "truth_ml", "predicted_ml", "overlap_ml", *ERRORS)}
    return {
        "case": row["case"],
        "set": row["dataset"],
        "place": place,
        "truth": int(row["truth"]),
        "called": int(row["called"]),
        "wrong": row["kinds"].split(),
        "hemorrhage": kinds,
        **{name: None if np.isnan(value) else round(float(value), 4) for name, value in numbers.items()},
    }


def _page(study: Mapping[str, Any], cases: pd.DataFrame, colours: Mapping[str, str], template: Path) -> str:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(template.parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    datasets = [
        {"id": name, "name": display_dataset(name), "cases": int((cases["dataset"] == name).sum())}
        for name in sort_datasets(cases["dataset"])
    ]
    return environment.get_template(template.name).render(
        style=template.with_name("browser.css").read_text(),
        script=template.with_name("browser.js").read_text(),
        study={**study, "datasets": datasets},
        datasets=datasets,
        errors={key: title for key, title in ERRORS.items() if cases[key].notna().any()},
        kinds={key: title for key, title in KINDS.items() if cases["kinds"].str.contains(key).any()},
        colours={"truth": colours["truth"], "prediction": colours["ours"]},
        maps=any(entry["map"] for entry in study["cases"]),
    )
