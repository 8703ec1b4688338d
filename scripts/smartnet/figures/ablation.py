"""Ablation tables, drawn from ``metrics.csv`` alone: what the encoder learnt from, and the 3D operator."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from smartnet.experiments import FROM_FILE, PRETEXTS
from smartnet.figures.latex import TICK, over_seeds, with_seeds, write_both
from smartnet.figures.names import (
    OPERATORS,
    STARTS,
    display_dataset,
    display_name,
    sort_datasets,
    sort_models,
    start_of,
)
from smartnet.figures.tables import CLASSIFICATION, HEADS, SEGMENTATION
from smartnet.metrics.convention import EMPTY_CONVENTION
from smartnet.metrics.tidy import read_metrics

DIGITS = {name: (CLASSIFICATION | SEGMENTATION)[name] for name in ("AUC", "F1", "SEN", "SPE", "DSC", "FPV")}
LOWER = ("FPV",)  # less is better
PRETEXT_HEADS = {"cls": "CLS", "seg": "SEG", "rec": "REC"}
GROUPS = ("None", "File", "Self-supervised", "One head", "Two heads", "Three heads")


def table_pretexts(metrics: Path, models: Sequence[str], *, output_csv: Path, output_tex: Path) -> None:
    """Write the pretext ablation: per test set one row per start, with what its encoder learnt from.

    Args:
        metrics: ``metrics.csv``.
        models: for every start the classifier and the segmenter that are compared.
        output_csv: value of one seed, mean and standard deviation (n - 1) over several.
        output_tex: the same for LaTeX, the best of each column in bold.
    """
    table = _read(metrics, models)
    starts = sorted(sort_models(set(table["start"])), key=lambda start: GROUPS.index(_group(start)))
    rows, keys = [], ["Test set", "Pretraining", with_seeds("Start", table)]
    for dataset in sort_datasets(table["dataset"]):
        for start in starts:
            part = table[(table["dataset"] == dataset) & (table["start"] == start)]
            texts = [display_dataset(dataset), _group(start), display_name(start), *_ticks(start)]
            rows.append((texts, part))
    columns = [*keys, *PRETEXT_HEADS.values(), "Consistency"]
    _write(rows, columns, groups=keys[:2], blocks=keys[:1], output_csv=output_csv, output_tex=output_tex)


def table_operators(metrics: Path, models: Sequence[str], *, output_csv: Path, output_tex: Path) -> None:
    """Write the operator ablation: per test set, task and start one row per 3D operator.

    Args:
        metrics: ``metrics.csv``.
        models: those whose operators are compared.
        output_csv: as for ``table_pretexts``; what another task would measure is left empty.
        output_tex: the same for LaTeX, the best operator of each task and start in bold.
    """
    table = _read(metrics, models)
    rows, keys = [], ["Test set", "Task", "Start", with_seeds("Operator", table)]
    for dataset in sort_datasets(table["dataset"]):
        of_dataset = table[table["dataset"] == dataset]
        for task in sorted(set(of_dataset["task"])):
            for model in sort_models(of_dataset.loc[of_dataset["task"] == task, "model"]):
                operator = model.partition("_")[2]
                texts = [display_dataset(dataset), task.capitalize(), STARTS.get(start_of(model))]
                part = of_dataset[of_dataset["model"] == model]
                rows.append(([*texts, OPERATORS.get(operator, operator)], part))
    _write(rows, keys, groups=keys[:3], blocks=keys[:3], output_csv=output_csv, output_tex=output_tex)


def _read(metrics: Path, models: Sequence[str]) -> pd.DataFrame:
    table = read_metrics(metrics)
    table = table[(table["subgroup"] == "all") & table["model"].isin(models) & table["metric"].isin(DIGITS)]
    return table.assign(start=table["model"].map(start_of))


def _group(start: str) -> str:
    """Say by what a start was pretrained."""
    pretext = PRETEXTS[start]
    if start in FROM_FILE:
        return "File"
    return "Self-supervised" if pretext.get("distorted") else GROUPS[(0, 3, 4, 5)[len(pretext["heads"])]]


def _ticks(start: str) -> list[str]:
    """Tick the heads trained upstream and the consistency loss; self-supervised starts have none of them."""
    pretext = PRETEXTS[start]
    has = [head in pretext["heads"] and not pretext.get("distorted") for head in PRETEXT_HEADS]
    return [TICK if value else "" for value in (*has, pretext["consistency"])]


def _write(
    rows: Sequence[tuple[list[str], pd.DataFrame]],
    columns: list[str],
    *,
    groups: list[str],
    blocks: list[str],
    output_csv: Path,
    output_tex: Path,
) -> None:
    """Write texts and, behind them, what was measured; the best is looked for among the rows of a block."""
    metrics = [name for name in DIGITS if any((part["metric"] == name).any() for _, part in rows)]
    found = [{name: part.loc[part["metric"] == name, "value"] for name in metrics} for _, part in rows]
    table = pd.DataFrame([texts for texts, _ in rows], columns=columns)
    best = pd.DataFrame(False, index=table.index, columns=columns)
    for name in metrics:
        digits, head = DIGITS[name], HEADS.get(name, name)
        table[head] = [over_seeds(values[name], digits=digits) for values in found]
        # What is undefined for a seed does not compete. Equal is what is written in equal digits.
        means = pd.Series([round(float(values[name].mean(skipna=False)), digits) for values in found])
        block = means.groupby([table[key] for key in blocks])
        best[head] = means.eq(block.transform("min" if name in LOWER else "max")) & (
            block.transform("nunique") > 1
        )
    write_both(
        table,
        output_csv,
        output_tex,
        groups=groups,
        best=best,
        note=EMPTY_CONVENTION if "DSC" in metrics else "",
    )
