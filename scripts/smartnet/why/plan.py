"""The jobs that Snakemake would run, as plain data."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from smartnet.job.record import record_file
from smartnet.why.changes import Behind, changed_settings, listed

TRAINING = ("upstream", "downstream", "visual_words")
"""Rules that train, or take as long."""


@dataclass(frozen=True)
class Cause:
    """Why a job would run: in its own words, and in words that it may share with others of its rule."""

    text: str
    shared: str


@dataclass(frozen=True)
class Planned:
    """A job that would run.

    Attributes:
        rule: its rule.
        name: its wildcards, for people.
        causes: why.
        follows: whether only because another job runs.
        seconds: what it took last time, a result from the store when it was made; None if it never ended.
        redo: whether everything that it makes is there already.
    """

    rule: str
    name: str
    causes: tuple[Cause, ...]
    follows: bool
    seconds: float | None
    redo: bool

    @property
    def title(self) -> str:
        """Rule and wildcards."""
        return f"{self.rule} {self.name}".rstrip()


def planned(dag: Any, behind: Behind) -> list[Planned]:
    """List the jobs that would run: those with a reason of their own first, else in the order of the rules.

    Args:
        dag: Snakemake's graph of jobs, complete.
        behind: the hashes of the modules behind fingerprints, as far as they are known.
    """
    order = {rule.name: rank for rank, rule in enumerate(dag.workflow.rules)}
    jobs = [_planned(dag, job, behind) for job in dag.needrun_jobs() if job.output]
    return sorted(jobs, key=lambda job: (job.follows, order[job.rule], job.name))


def label(wildcards: Mapping[str, str]) -> str:
    """Write wildcards for people: ``smartnet_bilstm seed 1 internal``, ``internal/0``."""
    text = ""
    for name, value in wildcards.items():
        text += f"/{value}" if name == "shard" else f" seed {value}" if name == "seed" else f" {value}"
    return text.strip()


def _planned(dag: Any, job: Any, behind: Behind) -> Planned:
    records = [record for file in job.output if (record := dag.workflow.persistence.metadata(file))]
    reason = dag.reason(job)
    took = [r.endtime - r.starttime for r in records if r.endtime and r.starttime]
    took += _recorded_seconds(job) if records else []
    own = list(_own_causes(reason, job, records, behind))
    remade = [] if own else [_remade(dag, job, reason)]
    return Planned(
        rule=job.rule.name,
        name=label(dict(job.wildcards_dict)),
        causes=tuple(own + remade),
        follows=not own,
        seconds=max(took, default=None),
        redo=bool(records) and not reason.incomplete_output and all(map(os.path.exists, job.output)),
    )


def _recorded_seconds(job: Any) -> list[float]:
    """What a job's own record says: Snakemake knows of the last run alone."""
    try:
        return [json.loads(record_file(job.rule.name, job.wildcards_dict).read_text())["seconds"]]
    except (OSError, ValueError, KeyError):  # none was kept
        return []


def _own_causes(reason: Any, job: Any, records: Sequence[Any], behind: Behind) -> Iterable[Cause]:
    texts = []
    if reason.forced:
        texts.append("it is forced")
    if reason.incomplete_output:
        texts.append("it was interrupted")
    elif reason.missing_output:
        if not records:
            texts.append("it was never made")
        else:
            missing = sorted(map(str, reason.missing_output))
            yield Cause(f"{listed(missing, 1)} is gone", "what it made is gone")
    if reason.params_changed and records:
        texts += changed_settings(records[0].params or [], dict(job.params.items()), behind)
    if reason.code_changed:
        texts.append("its script changed")
    if reason.software_stack_changed:
        texts.append("its software environment changed")
    if reason.input_changed and records:
        yield _inputs_changed(records[0].input or [], job)
    if updated := sorted(set(map(str, reason.updated_input)) - set(map(str, reason.updated_input_run))):
        yield Cause(f"{listed(updated, 1)} is newer", "an input is newer")
    yield from (Cause(text, text) for text in texts)


def _inputs_changed(old: Sequence[str], job: Any) -> Cause:
    now = set(map(str, job.input))
    signs = [(sorted(now - set(old)), "more"), (sorted(set(old) - now), "no longer")]
    parts = [f"{word}: {listed(names, 1)}" for names, word in signs if names]
    shared = f"its inputs are others ({', '.join(f'{len(names)} {word}' for names, word in signs if names)})"
    return Cause(f"its inputs are others ({'; '.join(parts)})", shared)


def _remade(dag: Any, job: Any, reason: Any) -> Cause:
    files = sorted(map(str, reason.updated_input_run))
    if not files:  # Snakemake compares with the records of all outputs, _own_causes with the first
        return Cause("something else changed", "something else changed")
    makers = sorted(
        {other.rule.name for other, made in dag.dependencies[job].items() if {*map(str, made)} & {*files}}
    )
    verb, make = "is" if len(files) == 1 else "are", "makes" if len(makers) == 1 else "make"
    return Cause(f"{listed(files, 1)} {verb} remade", f"what {listed(makers)} {make} is remade")
