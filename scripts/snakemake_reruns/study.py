"""The jobs of a configuration as Snakemake resolves them, without running or reading any of their files."""

import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LINKED = ("config.yaml", "config", "report", "resources/published.csv")
Key = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True)
class Job:
    """What decides whether a job runs again.

    Attributes:
        params: its params as Snakemake compares them, a set of values without names.
        settings: the same, down to their leaves, by their paths.
        files: its inputs and outputs.
        code: the fingerprint among its params.
        after: the jobs whose outputs it reads.
    """

    params: frozenset[str]
    settings: dict[str, str]
    files: tuple[tuple[str, ...], tuple[str, ...]]
    code: str
    after: frozenset[Key]


def prepare(folder: Path) -> Path:
    """Make a working folder that has what the rules look for at start."""
    for name in LINKED:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(ROOT / name)
    for name in ("own", "other"):
        for file in ("a.dcm", "masks/a.nii.gz", "labels.tsv"):
            (folder / name / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / name / file).write_text(name)
        (folder / f"{name}.pth").write_text(name)
    shutil.copytree(folder / "own", folder / "words")
    return folder


def jobs_of(config: Mapping[str, Any], folder: Path) -> dict[Key, Job]:
    """Resolve the whole study of a configuration, by rule and wildcards."""
    from snakemake.api import SnakemakeApi
    from snakemake.settings.types import (
        ConfigSettings,
        DAGSettings,
        OutputSettings,
        Quietness,
        ResourceSettings,
    )

    here = Path.cwd()
    try:
        with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
            workflow_api = api.workflow(
                resource_settings=ResourceSettings(cores=2),
                config_settings=ConfigSettings(config=dict(config)),
                snakefile=ROOT / "Snakefile",
                workdir=folder,
            )
            workflow_api.dag(DAGSettings())
            workflow = workflow_api._workflow  # what the API's own commands use
            workflow._prepare_dag(forceall=False, ignore_incomplete=True, lock_warn_only=True, nolock=True)
            workflow._build_dag()
            return {_key(job): _job(workflow.dag, job) for job in workflow.dag.jobs if job.output}
    finally:
        os.chdir(here)


def _key(job: Any) -> Key:
    return job.rule.name, tuple(sorted(job.wildcards_dict.items()))


def _job(dag: Any, job: Any) -> Job:
    params = _counting(job)
    code = params.pop("code", "")
    files = tuple(map(str, job.input)), tuple(map(str, job.output))
    after = frozenset(_key(other) for other in dag.dependencies[job])
    settings = {path: value for name in params for path, value in _leaves(name, params[name])}
    return Job(_compared(job), settings, files, code, after)


def _compared(job: Any) -> frozenset[str]:
    """The params that Snakemake judges by: those that are made of inputs and the like do not count."""
    return frozenset(map(repr, job.non_derived_params))


def _counting(job: Any) -> dict[str, Any]:
    """The same by name."""
    counting = _compared(job)
    return {name: value for name, value in job.params.items() if repr(value) in counting}


def _leaves(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(f"{path}.{key}", inner)
    else:
        yield path, repr(value)
