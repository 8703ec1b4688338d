"""The quality page: one static HTML file with the summary, every rejection and every contact sheet."""

import os
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from smartnet.figures.names import display_dataset, sort_datasets
from smartnet.files import write_bytes
from smartnet.quality.summary import count, kind_of, read_cases, summarise


def write_page(volumes: Sequence[Path], sheets: Sequence[Path], template: Path, output: Path) -> None:
    """Write the page; it links to the sheets by relative paths and needs neither server nor network.

    Args:
        volumes: folders of all shards of volumes.
        sheets: folders with their contact sheets, in the same order.
        template: Jinja2 template of the page.
        output: the HTML file.
    """
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    cases = read_cases(volumes)
    pictures = {file.stem: os.path.relpath(file, output.parent) for f in sheets for file in Path(f).iterdir()}
    datasets = [
        _dataset(name, cases[cases["dataset"] == name], pictures) for name in sort_datasets(cases["dataset"])
    ]
    summary = summarise(cases)
    page = environment.from_string(Path(template).read_text()).render(
        datasets=datasets, heads=list(summary.columns), rows=summary.astype(str).to_numpy().tolist()
    )
    write_bytes(page.encode(), output)


def _dataset(name: str, cases: pd.DataFrame, pictures: dict[str, str]) -> dict:
    """Give what the page shows of a data set: reasons, flags, and its cases, flagged ones first."""
    taken = cases[cases["verdict"] == "accepted"].copy()
    taken["plain"] = taken["flags"] == ""
    taken = taken.sort_values(["plain", "case"])
    rejected = cases[cases["verdict"] != "accepted"].sort_values(["reason", "case"])
    flags = [kind_of(flag) for text in taken["flags"] for flag in text.split("; ")]
    return {
        "id": name,
        "name": display_dataset(name),
        "reasons": count(map(kind_of, rejected["reason"])),
        "flags": count(flags),
        "rejected": rejected[["case", "reason", "slices"]].to_dict("records"),
        "cases": [
            {"case": row["case"], "flags": row["flags"], "sheet": pictures[row["case"]]}
            for row in taken[["case", "flags"]].to_dict("records")
        ],
    }
