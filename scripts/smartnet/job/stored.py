"""The artifact store as a job sees it: what its result depends on, taking it, keeping it."""

import logging
import platform
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from smartnet.files import read_json
from smartnet.job.devices import CPU
from smartnet.job.digests import files_below, hash_files, touched
from smartnet.job.leftovers import discard_states_begun
from smartnet.job.record import Run, configured_paths, facts, without_paths
from smartnet.store.entry import key_of, put, take
from smartnet.store.rights import Rights
from smartnet.versions import installed

logger = logging.getLogger(__name__)

# Packages that can change the bytes of a result; one that an environment lacks is left out.
PACKAGES = (
    *("torch", "lightning", "numpy", "scipy", "pandas", "scikit-learn", "scikit-image"),
    *("nibabel", "opencv-python-headless", "pydicom"),
    *("pylibjpeg", "pylibjpeg-libjpeg", "pylibjpeg-openjpeg", "pyjpegls"),
)
# Params that stand elsewhere, or say where files lie and when they were written.
_NO_CONTENT = ("code", "folder", "masks", "files", "pictures")


class Stored:
    """The store's place for the result of a job.

    Args:
        snakemake: the object that Snakemake gives to a script.
        run: the job under way; its inputs have been read.
        store: folder of the store.
        rights: in it.
        content: all that the result depends on, see :func:`depends_on`.
        files: all that the job reads, as :func:`_states` had it before it was hashed.
    """

    def __init__(
        self,
        snakemake: Any,
        run: Run,
        *,
        store: Path,
        rights: Rights,
        content: dict[str, Any],
        files: dict[Path, list[int]],
    ) -> None:
        """Name the result."""
        self.snakemake, self.run, self.store, self.rights = snakemake, run, store, rights
        self.outputs = {key: Path(path) for key, path in snakemake.output.items()}
        self.content, self.key, self.files = content, key_of(content), files
        self.begin = time.perf_counter()

    @classmethod
    def of(
        cls, snakemake: Any, run: Run, models: list[str], reads: Callable[[], Iterable[Path]] | None
    ) -> "Stored | None":
        """The place for a job's result; None without a store, or if what the job reads is not all known.

        Args:
            snakemake: the object that Snakemake gives to a script.
            run: the job under way; its inputs have been read.
            models: of the devices that the job can compute on.
            reads: gives the files and folders that the job reads beside its inputs.

        Raises:
            ConfigError: the store's group does not exist.
        """
        settings = snakemake.config.get("store") or {}
        if not settings.get("path") or run.inputs is None or None in run.inputs.values():
            return None
        if "" in models:
            logger.warning("the store is not used: nvidia-smi does not say which model the GPU is")
            return None
        beside = [file for path in reads() for _, file in sorted(files_below(path))] if reads else []
        files = _states([*map(Path, snakemake.input), *beside])
        also = [digest.sha256 for digest in hash_files(beside)]
        return cls(
            snakemake,
            run,
            store=Path(settings["path"]).expanduser(),
            rights=Rights.of(settings.get("group")),
            content=depends_on(snakemake, run.inputs, models, also),
            files=files,
        )

    def take(self) -> bool:
        """Take the result, if it is there; the record of this run then tells of the job that made it."""
        found = take(self.store, self.key, self.outputs, self.rights)
        if found is None:
            return False
        self.run.facts = {**found["made"], "stored": True}
        params = self.snakemake.params
        discard_states_begun(self.outputs.values(), params.get("settings", {}), params.code)
        return True

    def put(self) -> None:
        """Keep the result."""
        made = facts(self.snakemake, time.perf_counter() - self.begin)
        if made["device"] == CPU and self.content["device"] and CPU not in self.content["device"]:
            logger.info("not kept in the store: made on the CPU, though a GPU is there")
            return
        if _states(self.files) != self.files:
            logger.warning("not kept in the store: files that the job reads changed meanwhile")
            return
        about = {name: self.content[name] for name in ("rule", "wildcards", "settings", "code")}
        put(self.store, self.key, self.outputs, {**about, "made": made}, self.rights)


def _states(paths: Iterable[Path]) -> dict[Path, list[int]]:
    """What shows whether files are touched, also those below folders; one that cannot be seen is left out."""
    found = {}
    for path in paths:
        with suppress(OSError):
            for _, file in files_below(path):
                found[file] = touched(file.stat())
    return found


def depends_on(
    snakemake: Any, inputs: Mapping[str, str | None], models: list[str], also: list[str]
) -> dict[str, Any]:
    """All that a result depends on, as JSON has it; no name of a file outside of the study is part of it.

    Args:
        snakemake: the object that Snakemake gives to a script.
        inputs: sha256 by shown path.
        models: of the devices that the job can compute on.
        also: sha256 of files that the job reads beside its inputs.
    """
    outside = configured_paths(snakemake.config)
    params = {name: value for name, value in snakemake.params.items() if name not in _NO_CONTENT}
    gpu = getattr(snakemake.resources, "gpu", None)
    return {
        "rule": snakemake.rule,
        "wildcards": {name: str(value) for name, value in snakemake.wildcards.items()},
        "settings": without_paths(params, outside),
        "code": snakemake.params.code,
        "inputs": sorted((path, _content(path, sha256)) for path, sha256 in inputs.items()),
        "also": also,
        "versions": installed(PACKAGES),
        # sums depend on the device that is there, not on the one asked for, and on the number of threads
        "device": None if gpu is None else [*models, snakemake.threads, platform.machine()],
    }


def _content(path: str, sha256: str | None) -> str | bool | None:
    """What counts of an input; of what a start says of itself (times, memory) only whether it was trained."""
    return read_json(path).get("pretrained", True) if path.endswith("/run.json") else sha256
