"""The planned jobs in plain words."""

from collections.abc import Iterable, Sequence

from smartnet.report.runtimes import duration
from smartnet.why.plan import TRAINING, Planned

NOTHING = "Nothing to redo."


def explain(jobs: Sequence[Planned]) -> list[str]:
    """Write a line per job, or per rule where several of its jobs have the same reasons; then the sums."""
    if not jobs:
        return [NOTHING]
    groups: dict[tuple, list[Planned]] = {}
    for job in jobs:
        groups.setdefault((job.rule, tuple(cause.shared for cause in job.causes)), []).append(job)
    return [_line(group) for group in groups.values()] + _sums(jobs)


def reason(jobs: Sequence[Planned]) -> str:
    """Why jobs of one rule with the same reasons would run; in their own words, if these are the same."""
    own = {tuple(cause.text for cause in job.causes) for job in jobs}
    return "; ".join(own.pop() if len(own) == 1 else (cause.shared for cause in jobs[0].causes))


def _line(jobs: Sequence[Planned]) -> str:
    first = jobs[0]
    title = (
        first.title
        if len(jobs) == 1
        else f"{first.rule}, {len(jobs)} jobs ({first.name} ... {jobs[-1].name})"
    )
    known = [job.seconds for job in jobs if job.seconds is not None]
    took = f" (took {duration(sum(known))} {'last time' if len(jobs) == 1 else 'in all last time'})"
    return f"{title}: {reason(jobs)}{took if known else ''}"


def _sums(jobs: Sequence[Planned]) -> list[str]:
    training = [job for job in jobs if job.rule in TRAINING]
    again = [job for job in training if job.redo]
    known = [job for job in jobs if job.seconds is not None]
    never = f", without {len(jobs) - len(known)} that never ended" if len(known) < len(jobs) else ""
    lines = ["", f"In all: {_count(jobs)}, {duration(_seconds(known))} last time{never}."]
    cost = f"{len(again)} of them again ({duration(_seconds(again))} last time)"
    return [*lines, f"Training: {_count(training)}, {cost}." if training else "No training."]


def _count(jobs: Sequence[Planned]) -> str:
    return f"{len(jobs)} job{'s' if len(jobs) > 1 else ''}"


def _seconds(jobs: Iterable[Planned]) -> float:
    return sum(job.seconds or 0 for job in jobs)
