"""The page itself: sections, numbered figures and tables, the workflow, the settings."""

import html
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from smartnet.errors import ConfigError
from smartnet.figures.latex import NOTE
from smartnet.files import read_table, write_bytes
from smartnet.report.embed import Picture, data_uri, embed
from smartnet.report.rulegraph import draw_graph
from smartnet.report.runtimes import duration, runtime_rows
from smartnet.report.settings import config_groups, software
from smartnet.report.study import Result, Study

SECTIONS = ("Data", "Training", "Classification", "Segmentation", "Comparison", "Ablation", "Explanation")
"""Order of the sections; others follow by name."""

FIGURES, TABLES = (".png", ".jpg", ".svg"), (".csv", ".tsv")
FILTERS = {"figure": "Subject", "model": "Model", "dataset": "Data set"}
EVERY = "all"  # a label's value where something shows all models or data sets
PAGES = {
    "quality/index.html": "Quality of the data: every series with its verdict, every case on a contact sheet",
    "cases/index.html": "Case browser: the worst test cases, slice by slice",
    "metrics.csv": "Every metric with its interval, one row each",
}
WORDING_BYTES = 300  # by which the words around a small or a whole picture may differ
_NUMBER = re.compile(r"[<>±+\-\u2013\u2212]?\s*[\d.,]+\b.*|n/a|", re.DOTALL)


def write_page(study: Study, *, root: Path, templates: Path, output: Path, budget_mb: float) -> None:
    """Write the report.

    Args:
        study: what Snakemake knows of it.
        root: the study's folder, from which its paths count.
        templates: folder with ``page.html.jinja``, ``page.css`` and ``page.js``.
        output: the HTML file; relative to ``root`` or below it.
        budget_mb: the page's largest size in 10^6 bytes; figures beyond it are small and link to their files.

    Raises:
        ConfigError: the page would lie outside of the study's folder.
        DataError: the budget is too small even for small pictures.
    """
    output = root / output
    if not output.resolve().is_relative_to(root.resolve()):
        raise ConfigError(
            f"the report cannot be written to '{output.name}' outside of the study's folder, since it links "
            "to files there: give a path inside it"
        )
    sections = _sections(study.results, root, output.parent)
    content = _content(study, sections, root, output.parent)
    render = _renderer(templates)
    figures = [item for section in sections for item in section["items"] if item["kind"] == "figure"]
    nothing = [Picture("", True, 0)] * len(figures)
    taken = len(_filled(render, content, figures, nothing)) + WORDING_BYTES * len(figures)
    pictures = embed([item["files"] for item in figures], taken=taken, budget_mb=budget_mb)
    write_bytes(_filled(render, content, figures, pictures), output)


def _filled(render: Any, content: Mapping, figures: Sequence[dict], pictures: Sequence[Picture]) -> bytes:
    for item, picture in zip(figures, pictures, strict=True):
        item["picture"] = picture
    return render(**content).encode()


def _renderer(templates: Path) -> Any:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style, script = ((templates / f"page.{suffix}").read_text() for suffix in ("css", "js"))
    page = environment.get_template("page.html.jinja")
    return lambda **content: page.render(style=style, script=script, **content)


def _content(study: Study, sections: Sequence[dict], root: Path, folder: Path) -> dict[str, Any]:
    """Everything the template asks for, but for style and script."""
    items = [item for section in sections for item in section["items"]]
    rows = runtime_rows(study.rules)
    totals = {row["rule"]: row for row in rows}
    return {
        "description": _with_links(study.description, items),
        "sections": sections,
        "filters": _filters(items),
        "counts": {kind: sum(item["kind"] == kind for item in items) for kind in ("figure", "table")},
        "pages": [(path, title) for path, title in PAGES.items() if (folder / path).is_file()],
        "graph": draw_graph(study.rules, study.stages),
        "rules": {
            rule.name: {
                "stage": rule.stage,
                "does": rule.docstring,
                "reads": rule.reads,
                "read_by": [other.name for other in study.rules if rule.name in other.reads],
                "jobs": totals[rule.name]["jobs"],
                "total": totals[rule.name]["total"],
            }
            for rule in study.rules
        },
        "runtimes": rows,
        "jobs": sum(row["jobs"] for row in rows),
        "time": duration(sum(sum(rule.seconds) for rule in study.rules)),
        "config": config_groups(study.config, study.defaults),
        "software": software(),
    }


def _sections(results: Sequence[Result], root: Path, folder: Path) -> list[dict]:
    """Group results by category, number figures and tables through the page."""
    names = sorted({result.category for result in results}, key=_rank)
    counts = {"figure": 0, "table": 0, "file": 0}
    sections = []
    for name in names:
        own = [_item(result, root, folder) for result in results if result.category == name]
        own.sort(key=lambda item: list(counts).index(item["kind"]))
        for item in own:
            counts[item["kind"]] += 1
            item["number"] = counts[item["kind"]]
        sections.append({"name": name, "id": slug(name), "items": own})
    for item in (item for section in sections for item in section["items"]):
        item["caption"] = _with_links(item["caption"], [i for s in sections for i in s["items"]])
    return sections


def _rank(category: str) -> tuple[int, str]:
    return (SECTIONS.index(category) if category in SECTIONS else len(SECTIONS), category)


def slug(name: str) -> str:
    """Make an anchor of a name: lower case, words joined by hyphens."""
    return "-".join(re.findall(r"[a-z0-9]+", name.lower()))


def _item(result: Result, root: Path, folder: Path) -> dict[str, Any]:
    suffix = result.path.suffix
    kind = "figure" if suffix in FIGURES else "table" if suffix in TABLES else "file"
    item = {
        "kind": kind,
        "id": f"{kind}-{slug(result.path.stem)}",
        "name": result.path.name,
        "title": _title(result),
        "link": os.path.relpath(root / result.path, folder),
        "labels": {key: result.labels.get(key, EVERY) for key in FILTERS},
        "caption": result.caption,
        "beside": [
            {"name": path.name, "kind": path.suffix[1:].upper(), "link": os.path.relpath(root / path, folder)}
            for path in result.beside
        ],
    }
    if kind == "figure":
        pdf = next((root / path for path in result.beside if path.suffix == ".pdf"), None)
        item["files"] = (root / result.path, pdf)
    if kind == "table":
        item |= _table(root / result.path)
        item["downloads"] = [
            {"name": path.name, "kind": name, "uri": data_uri((root / path).read_bytes(), path.suffix)}
            for path in (result.path, *result.beside)
            if (name := {".csv": "CSV", ".tsv": "TSV", ".tex": "LaTeX"}.get(path.suffix))
        ]
    return item


def _title(result: Result) -> str:
    """Take what the caption has in bold first, else the label, else the file's name."""
    lead = re.search(r"<strong>(.*?)</strong>", result.caption, re.DOTALL)
    return html.unescape(lead[1]).strip(" .:") if lead else result.labels.get("figure", result.path.stem)


def _table(path: Path) -> dict[str, Any]:
    """Cells of a table as in its file, and its note; a text that repeats the one above is marked."""
    table = read_table(path, dtype=str).fillna("")
    cells = table.to_numpy().tolist()
    noted = bool(cells) and cells[-1][0].startswith(NOTE)  # below the table: it would widen the first column
    note = cells.pop()[0] if noted else ""
    numeric = [all(_NUMBER.fullmatch(row[place]) for row in cells) for place in range(table.shape[1])]
    rows, above = [], None
    for row in cells:
        same = 0
        while above and same < len(row) - 1 and not numeric[same] and row[same] == above[same]:
            same += 1
        rows.append(
            {"cells": row, "same": same, "starts": above is not None and same == 0 and not numeric[0]}
        )
        above = row
    grouped = any(row["same"] for row in rows)
    for row in rows:
        row["starts"] = row["starts"] and grouped
    return {"heads": list(table.columns), "numeric": numeric, "rows": rows, "note": note}


def _filters(items: Sequence[Mapping]) -> list[dict[str, Any]]:
    """What can be chosen: the values of each label that tell results apart, in the page's order."""
    filters = []
    for key, title in FILTERS.items():
        values = list(dict.fromkeys(item["labels"][key] for item in items if item["labels"][key] != EVERY))
        if values:
            filters.append({"key": key, "title": title, "values": values})
    return filters


def _with_links(text: str, items: Sequence[Mapping]) -> str:
    """Lead the links that Snakemake offers to captions (``roc.png_``, ``Data_``) to our anchors."""
    known = {item["link"]: item["id"] for item in items} | {f"results/{i['link']}": i["id"] for i in items}

    def anchor(match: re.Match) -> str:
        call, argument = match[1], match[2].replace("%2F", "/")
        if call == "show_panel":
            return "#workflow" if argument == "workflow" else "#run-times"
        return f"#{slug(argument)}" if call == "app.showCategory" else f"#{known.get(argument, 'top')}"

    return re.sub(r"javascript:([\w.]+)\((?:'|&#0?39;|&#x27;)(.*?)(?:'|&#0?39;|&#x27;)\)", anchor, text)
