"""What killed jobs leave behind: files that were never finished, running states that are no longer needed."""

import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from smartnet.files import read_json, unfinished

STATES = Path("resources/state")  # folders of running states, relative to the working folder


def discard_unfinished(outputs: Iterable[Path | str]) -> None:
    """Remove what a killed job wrote of these files: their temporary names hold the number of its process."""
    for path in outputs:
        for leftover in unfinished(path):
            leftover.unlink(missing_ok=True)


def discard_finished_states(inputs: Iterable[Path | str], states: Path = STATES) -> None:
    """Remove the states of runs whose weights are among ``inputs``.

    Snakemake believes in outputs only after the job has ended. One killed just before that has them deleted;
    it goes on after its last epoch, because the state is still there. The state of a run that never ended
    stays, for who goes back to its settings goes on from there; see :func:`discard_states_begun`.
    """
    known = {Path(path).as_posix() for path in inputs}
    for note in states.glob("*/finished.json"):
        with suppress(FileNotFoundError):  # another job that starts now was faster
            if read_json(note)["weights"] in known:
                shutil.rmtree(note.parent, ignore_errors=True)


def discard_states_begun(
    outputs: Iterable[Path | str], settings: Mapping[str, Any], code: str, states: Path = STATES
) -> None:
    """Remove the states of runs that began to make ``outputs``: these have come from the store, whole.

    Args:
        outputs: of the job.
        settings: of the run, without defaults or with.
        code: fingerprint of the library behind the run.
        states: folder of the running states.
    """
    known = {Path(path).as_posix() for path in outputs}
    for note in states.glob("*/begun.json"):
        with suppress(FileNotFoundError):  # another job was faster
            begun = read_json(note)
            same = begun["code"] == code and {**begun["settings"], **settings} == begun["settings"]
            if same and begun["weights"] in known:
                shutil.rmtree(note.parent, ignore_errors=True)
