"""What killed jobs leave behind: files that were never finished, running states that are no longer needed."""

import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

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
    it goes on after its last epoch, because the state is still there.
    """
    known = {Path(path).as_posix() for path in inputs}
    for note in states.glob("*/finished.json"):
        with suppress(FileNotFoundError):  # another job that starts now was faster
            if read_json(note)["weights"] in known:
                shutil.rmtree(note.parent, ignore_errors=True)
