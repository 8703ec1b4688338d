"""What killed jobs leave behind: files that were never finished, running states that are no longer needed."""

import shutil
from collections.abc import Callable, Iterable, Mapping
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
    _discard(states.glob("*/finished.json"), inputs, lambda note: True)


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

    def same(begun: Mapping[str, Any]) -> bool:
        return begun["code"] == code and {**begun["settings"], **settings} == begun["settings"]

    _discard(states.glob("*/begun.json"), outputs, same)


def _discard(
    notes: Iterable[Path], weights: Iterable[Path | str], unneeded: Callable[[Mapping[str, Any]], bool]
) -> None:
    """Remove the states whose notes name any of these weights, where the note says that they are unneeded."""
    known = {Path(path).as_posix() for path in weights}
    for path in notes:
        with suppress(FileNotFoundError):  # another job that starts now was faster
            note = read_json(path)
            if note["weights"] in known and unneeded(note):
                shutil.rmtree(path.parent, ignore_errors=True)
