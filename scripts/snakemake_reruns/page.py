"""The page docs/reference/rerun.md."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from smartnet.fingerprint import library
from smartnet.why.plan import TRAINING
from snakemake_reruns.effects import Effect, of_modules, of_settings
from snakemake_reruns.settings import OVERLAY, variants
from snakemake_reruns.study import ROOT, jobs_of, prepare

TABLE = ROOT / "docs/reference/rerun.md"
FAMILIES = ("figure", "table", "predict")
HEADER = """\
# What runs again

Which rules have jobs that run again when one thing changes: *directly*, because they read it, and *after
these*, because an input of theirs was made again. Training is counted in jobs of the study that this page is
made with: the default one with six starts, four 3D operators per task and data of one's own as one of two
test sets ({training}).

`figure_*` stands for all rules of that name, `figure_* (3)` for some. *New* jobs are those that the study did
not have before. The scan for identifiers, `phi_scan`, runs after everything. Comments, docstrings and layout
change nothing. A changed adapter (`scripts/*.py`) runs its own rule again. Where data of one's own lie is of
no matter; what lies there counts [shard by shard](../decisions/0014-one-case-one-shard.md). What a change
costs in a study of yours: `make why`.

This page is made by `make docs`: every setting is changed, every study resolved by Snakemake, and their jobs
compared.

"""


@dataclass(frozen=True)
class Measured:
    """All that the page tells."""

    settings: dict[str, Effect]
    modules: dict[str, Effect]
    rules: tuple[str, ...]
    training: dict[str, int]


def measure(folder: Path) -> Measured:
    """Change every setting and every module; ``folder`` is empty and becomes the working folder."""
    from snakemake.utils import update_config

    schema = yaml.safe_load((ROOT / "config/schema.yaml").read_text())
    base = yaml.safe_load((ROOT / "config.yaml").read_text())
    update_config(base, OVERLAY)
    folder = prepare(folder)
    jobs = jobs_of(base, folder)
    return Measured(
        settings=of_settings(base, variants(schema, base), folder),
        modules=of_modules(jobs, library()),
        rules=tuple(sorted({rule for rule, _ in jobs})),
        training={rule: sum(key[0] == rule for key in jobs) for rule in TRAINING},
    )


def describe(measured: Measured) -> str:
    """Write the page, Markdown."""
    training = ", ".join(f"{count} {rule}" for rule, count in measured.training.items())
    lines = [HEADER.format(training=training), "## Settings", "", *_head("setting")]
    lines += [f"| `{path}` | {_cells(found, measured)} |" for path, found in measured.settings.items()]
    lines += [
        "",
        "## Modules of the library",
        "",
        "Those with the same effect share a row.",
        "",
        *_head("smartnet."),
    ]
    groups: dict[str, list[str]] = {}
    for module, found in measured.modules.items():
        groups.setdefault(_cells(found, measured), []).append(module.removeprefix("smartnet."))
    lines += [f"| {', '.join(f'`{name}`' for name in names)} | {cells} |" for cells, names in groups.items()]
    return "\n".join(lines) + "\n"


def _head(what: str) -> list[str]:
    return [f"| {what} | directly | after these | trains again |", "|---|---|---|---|"]


def _cells(found: Effect, measured: Measured) -> str:
    new = f"; new: {_names(found.new, measured.rules)}" if found.new else ""
    trained = ", ".join(f"{count} {rule}" for rule, count in found.trained)
    direct = _names(found.direct, measured.rules)
    return f"{direct}{new} | {_names(found.follow - found.direct, measured.rules)} | {trained}"


def _names(rules: Collection[str], every: Collection[str]) -> str:
    """Names of rules, those of a family as one."""
    texts = []
    families: Mapping[str, list[str]] = {family: [] for family in FAMILIES}
    for rule in sorted(rules):
        family = rule.partition("_")[0]
        families.get(family, texts).append(rule)
    for family, some in families.items():
        whole = [rule for rule in every if rule.startswith(f"{family}_")]
        several = f"`{family}_*`" if some == whole else f"`{family}_* ({len(some)})`"
        texts += [several] if len(some) > 3 or (some and some == whole) else some
    return ", ".join(texts)
