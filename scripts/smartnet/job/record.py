"""The record of a job that ended well: what it read and wrote, its settings, code, versions, time and device.

One small file per job, ``resources/runs/{rule}/{wildcards}.json``. No rule declares it, so Snakemake never
deletes it. It names no host, no user, no path outside of the study: such an input is named by what it is for.
"""

import json
import logging
import platform
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from smartnet.job.digests import digest_of, digests
from smartnet.privacy import HIDDEN
from smartnet.versions import installed

logger = logging.getLogger(__name__)

FORMAT = 1
RUNS = Path("resources/runs")
NOTES = RUNS / "files"
ELSEWHERE = "elsewhere"  # first part of what stands for a path outside of the study
_DISTRIBUTIONS = {
    "PIL": "pillow",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "libjpeg": "pylibjpeg-libjpeg",
    "openjpeg": "pylibjpeg-openjpeg",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "PyYAML",
}


@dataclass
class Run:
    """A job under way.

    Attributes:
        inputs: see :func:`read_inputs`; None if they could not be read.
        facts: see :func:`facts`; of a result that was taken from a store those of the job that made it.
    """

    inputs: dict[str, str | None] | None
    facts: dict[str, Any] | None = None


@contextmanager
def recorded(snakemake: Any) -> Iterator[Run]:
    """Keep a record of the block if it ends well; a record that cannot be written is a warning, no failure.

    The record of an earlier run goes first: it must not tell of results that it does not belong to.

    Args:
        snakemake: the object that Snakemake gives to a script. Without a rule's name nothing is recorded.
    """
    if not getattr(snakemake, "rule", None):
        yield Run(None)
        return
    with suppress(OSError):  # where nothing can be removed, nothing can be written: see the warning
        record_file(snakemake.rule, snakemake.wildcards).unlink(missing_ok=True)
    try:
        run, refused = Run(read_inputs(snakemake)), ""
    except OSError as error:  # the job itself will say what it needs
        run, refused = Run(None), error.strerror
    begin = time.perf_counter()
    yield run
    seconds = time.perf_counter() - begin
    if not refused:
        try:
            keep(snakemake, run.inputs or {}, run.facts or facts(snakemake, seconds))
        except OSError as error:
            refused = error.strerror
    if refused:  # days of training are not thrown away for want of a note
        logger.warning("no record of this job could be kept (%s): its results have no provenance", refused)


def read_inputs(snakemake: Any) -> dict[str, str | None]:
    """Hash what a job reads.

    Returns:
        sha256 by shown path; None for a folder outside of the study, which may hold any number of files.
    """
    outside = configured_paths(getattr(snakemake, "config", {}))
    found: dict[str, str | None] = {}
    for key, path in _named(snakemake.input):
        shown = shown_path(path, key, snakemake.wildcards, outside)
        if shown.startswith(f"{ELSEWHERE}/"):
            base, number = shown, 2
            while shown in found:
                shown, number = f"{base}-{number}", number + 1
            found[shown] = None if Path(path).is_dir() else digest_of(digests(path))
        else:
            found[shown] = digest_of(digests(shown, notes=NOTES))
    return found


def facts(snakemake: Any, seconds: float) -> dict[str, Any]:
    """Tell how this process made its outputs: packages imported, wall time in seconds, device, threads.

    A training says itself how long it took, with what it had taken before it was killed and resumed, and on
    which device its helpers computed.
    """
    said = _said(map(str, snakemake.output))
    return {
        "versions": _versions(),
        "seconds": max(round(seconds, 3), said.get("seconds", 0.0)),
        "device": said.get("device") or _device(),
        "threads": getattr(snakemake, "threads", 1),
        "stored": False,
    }


def keep(snakemake: Any, inputs: Mapping[str, str | None], how: Mapping[str, Any]) -> Path:
    """Write the record of a job.

    Args:
        snakemake: the object that Snakemake gives to a script.
        inputs: see :func:`read_inputs`.
        how: see :func:`facts`. Of a result that was taken from a store: those of the job that made it, with
            ``stored`` True.

    Returns:
        where it is.
    """
    from smartnet.files import write_json  # after the versions are known: it imports pandas

    outside = configured_paths(getattr(snakemake, "config", {}))
    params = {name: value for name, value in snakemake.params.items() if name != "script"}
    outputs = {
        shown_path(path, key, snakemake.wildcards, outside): digest_of(digests(path, notes=NOTES))
        for key, path in _named(snakemake.output)
    }
    content = {
        "format": FORMAT,
        "rule": snakemake.rule,
        "wildcards": {key: str(value) for key, value in snakemake.wildcards.items()},
        "inputs": dict(inputs),
        "outputs": outputs,
        "code": params.pop("code", None),
        "settings": without_paths(params, outside),
        **how,
    }
    target = record_file(snakemake.rule, snakemake.wildcards)
    write_json(content, target)
    return target


def record_file(rule: str, wildcards: Mapping[str, Any]) -> Path:
    """Name the record of a job."""
    return RUNS / rule / f"{wildcards_text(wildcards) or 'all'}.json"


def wildcards_text(wildcards: Mapping[str, Any]) -> str:
    """Write wildcards as one word, in their order: ``model=smartnet_bilstm,seed=1``."""
    return ",".join(f"{key}={quote(str(value), safe='')}" for key, value in wildcards.items())


def configured_paths(config: Mapping[str, Any]) -> list[str]:
    """List the paths that a configuration gives its data sets, weights and visual words."""
    entries = [entry or {} for entry in config.get("datasets", {}).values()]
    paths = [str(entry[key]) for entry in entries for key in ("path", "labels", "masks") if key in entry]
    paths += filter(None, [*config.get("pretrained", {}).values(), config.get("words", {}).get("folder")])
    return [path.rstrip("/") for path in paths]


def shown_path(path: str, key: str, wildcards: Mapping[str, Any], outside: Iterable[str]) -> str:
    """Give a path below the study's folder as it is, one outside or of the configuration by what it is for.

    ``/data/smith/labels.tsv``, the input ``labels`` of data set internal, is ``elsewhere/internal/labels``.
    """
    relative = Path(path)
    if relative.is_absolute() and relative.is_relative_to(Path.cwd()):
        relative = relative.relative_to(Path.cwd())
    if relative.is_absolute() or ".." in relative.parts or _is_below(path, outside):
        owner = dict(wildcards.items()).get("dataset") or dict(wildcards.items()).get("pretext")
        return "/".join(filter(None, (ELSEWHERE, owner, key)))
    return relative.as_posix()


def without_paths(value: Any, outside: Iterable[str]) -> Any:
    """Copy settings as JSON has them; one that is a path outside of the study is hidden."""
    outside = list(outside)
    if isinstance(value, Mapping):
        return {str(key): without_paths(item, outside) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [without_paths(item, outside) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value)
    hidden = Path(text).is_absolute() or text.startswith(("~", "..")) or _names(text, outside)
    return HIDDEN if hidden else text


def _names(text: str, folders: Iterable[str]) -> bool:
    """Whether one of these paths, or what lies below it, stands in a text."""
    return any(re.search(rf"(?<![\w./-]){re.escape(folder)}(?![\w.-])", text) for folder in folders)


def _is_below(path: str, folders: Iterable[str]) -> bool:
    return any(str(path) == folder or str(path).startswith(f"{folder}/") for folder in folders)


def _named(files: Any) -> list[tuple[str, str]]:
    """Pairs of name and path of all inputs or outputs; a name may stand for several."""
    pairs = []
    for key, value in files.items():
        pairs += [(key, str(path)) for path in ([value] if isinstance(value, str) else value)]
    named = {path for _, path in pairs}
    return pairs + [("input", str(path)) for path in files if str(path) not in named]


def _versions() -> dict[str, str]:
    """Name the packages that this process has imported, with their versions."""
    modules = {name.partition(".")[0] for name in list(sys.modules)} - sys.stdlib_module_names
    packages = [_DISTRIBUTIONS.get(name, name) for name in sorted(modules) if not name.startswith("_")]
    found = {name.lower(): version for name, version in installed(packages).items()}
    return {"python": platform.python_version(), **found}


def _said(outputs: Iterable[str]) -> dict[str, Any]:
    """What a training says of itself."""
    return next((json.loads(Path(path).read_text()) for path in outputs if Path(path).name == "run.json"), {})


def _device() -> str:
    """Name the GPU that torch computed on, or ``cpu``."""
    cuda = getattr(sys.modules.get("torch"), "cuda", None)
    if cuda is not None and cuda.is_initialized() and cuda.max_memory_allocated():
        return cuda.get_device_name()
    return "cpu"
