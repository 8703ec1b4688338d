"""What runs again when one setting, or the behaviour of one module, changes."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from smartnet.fingerprint import BEHIND
from smartnet.why.plan import TRAINING
from snakemake_reruns.settings import ALONE, changed
from snakemake_reruns.study import Job, Key, jobs_of

Jobs = Mapping[Key, Job]
LAST = "phi_scan"  # follows everything, and so says nothing


@dataclass(frozen=True)
class Effect:
    """Rules with jobs that run again, by the jobs of one study.

    Attributes:
        direct: jobs that read what changed, or whose set of inputs is another.
        follow: jobs that depend on these, and on no other count, without the last of all.
        new: jobs that are new.
        trained: of all jobs that train and were there before, how many run again, by rule.
    """

    direct: frozenset[str]
    follow: frozenset[str]
    new: frozenset[str]
    trained: tuple[tuple[str, int], ...]


def effect(direct: Iterable[Key], jobs: Jobs, before: Jobs) -> Effect:
    """Follow jobs through the graph.

    Args:
        direct: those that read what changed.
        jobs: the whole study after the change.
        before: and before it; what was not there is new.
    """
    direct, new = set(direct) & before.keys(), jobs.keys() - before.keys()
    again = direct | new
    while more := {key for key, job in jobs.items() if key not in again and job.after & again}:
        again |= more
    follow = {key for key in again - direct - new if key[0] != LAST}
    counts = {rule: sum(key[0] == rule for key in again - new) for rule in TRAINING}
    return Effect(
        *(frozenset(rule for rule, _ in keys) for keys in (direct, follow, new)),
        tuple((rule, count) for rule, count in counts.items() if count),
    )


def of_modules(jobs: Jobs, modules: Iterable[str]) -> dict[str, Effect]:
    """The effect of every module of the library, by the modules behind the fingerprints of the jobs."""
    return {
        module: effect((key for key, job in jobs.items() if module in BEHIND.get(job.code, ())), jobs, jobs)
        for module in modules
    }


def of_settings(base: Mapping[str, Any], values: Mapping[str, Any], folder: Path) -> dict[str, Effect]:
    """The effect of every setting.

    Most only change what jobs read. These are changed many at a time: of n studies each setting is changed in
    n / 2, every setting in another choice of them, and a job reads the setting whose studies it differs in.
    What depends on two settings would differ in more than half of the studies and is refused.

    Args:
        base: the configuration to start from.
        values: another value of each setting, by path.
        folder: a working folder, prepared.

    Raises:
        ValueError: a job reads something that two settings make together: add one of them to ``ALONE``.
    """
    jobs = jobs_of(base, folder)
    together = [path for path in values if path not in ALONE]
    readers = _readers(jobs, base, {path: values[path] for path in together}, folder)
    found = {}
    for path, value in values.items():
        if path in together:
            found[path] = effect(readers.get(path, ()), jobs, jobs)
        else:
            other = jobs_of(changed(base, {path: value}), folder)
            found[path] = effect(_differing(jobs, other), other, jobs)
    return found


def _differing(jobs: Jobs, other: Jobs) -> set[Key]:
    """Jobs of both studies that read different settings, other code or other files, as Snakemake sees it."""
    return {
        key
        for key in jobs.keys() & other.keys()
        if (jobs[key].params, jobs[key].files) != (other[key].params, other[key].files)
    }


def _readers(
    jobs: Jobs, base: Mapping[str, Any], values: Mapping[str, Any], folder: Path
) -> dict[str, set[Key]]:
    studies = next(n for n in range(2, 99) if math.comb(n, n // 2) >= len(values))
    choices = dict(zip(combinations(range(studies), studies // 2), values, strict=False))
    seen: dict[tuple[Key, str], list[int]] = {}
    for number in range(studies):
        some = {path: values[path] for choice, path in choices.items() if number in choice}
        other = jobs_of(changed(base, some), folder)
        if other.keys() != jobs.keys():
            raise ValueError(f"one of {', '.join(some)} adds or removes jobs: add it to ALONE")
        for key in _differing(jobs, other):
            for place in _places(jobs[key], other[key]):
                seen.setdefault((key, place), []).append(number)
    readers: dict[str, set[Key]] = {}
    for (key, place), numbers in seen.items():
        if tuple(numbers) not in choices:
            raise ValueError(f"{place} of rule {key[0]} depends on more than one setting: see ALONE")
        readers.setdefault(choices[tuple(numbers)], set()).add(key)
    return readers


def _places(job: Job, other: Job) -> list[str]:
    settings = job.settings.keys() | other.settings.keys()
    places = [path for path in settings if job.settings.get(path) != other.settings.get(path)]
    return places + ["files"] * (job.files != other.files) + ["code"] * (job.code != other.code)
