"""A job: one log file, and errors as one line that a user can act on."""

import contextlib
import logging
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from smartnet.errors import SmartnetError
from smartnet.job.devices import devices
from smartnet.job.failures import in_plain_words
from smartnet.job.leftovers import discard_finished_states, discard_unfinished
from smartnet.job.record import recorded
from smartnet.job.stored import Stored


@contextmanager
def job(
    snakemake: Any, *, stored: bool = False, reads: Callable[[], Iterable[Path]] | None = None
) -> Iterator[bool]:
    """Run a block as a job: log to its log file; on failure write the cause there and end with exit status 1.

    A :class:`SmartnetError`, and what the disk refuses, is shown as its one line, on stderr too; anything
    else with its traceback in the log and its last line on stderr.

    Args:
        snakemake: the object that Snakemake gives to a script.
        stored: whether the result may be taken from the artifact store, and is kept there.
        reads: gives the files and folders that the block reads beside the inputs, in a fixed order.

    Yields:
        True if the outputs are there already, taken from the store.
    """
    log = snakemake.log[0]
    try:
        with _logging_to(Path(log)):
            try:
                discard_unfinished(snakemake.output)
                discard_finished_states(snakemake.input)
                with devices(gpus_of(snakemake)) as models, recorded(snakemake) as run:
                    store = Stored.of(snakemake, run, models, reads) if stored else None
                    taken = store is not None and store.take()
                    yield taken
                    if store is not None and not taken:
                        store.put()
            except Exception as error:
                logging.getLogger(__name__).error("%s", _detail(error))
                raise
    except Exception as error:
        sys.stderr.write(f"{_line(error)} (log: {log})\n")
        raise SystemExit(1) from None


def gpus_of(snakemake: Any) -> int:
    """How many GPUs a job asked for."""
    return int(getattr(getattr(snakemake, "resources", None), "gpu", 0) or 0)


class _LogFile(logging.FileHandler):
    """A log that a full disk cannot write is no failure of its own."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (a name of logging)
        """Do nothing: the job says on stderr why it fails."""

    def close(self) -> None:
        """Close, with what could be written."""
        with contextlib.suppress(OSError):
            super().close()


@contextmanager
def _logging_to(log: Path) -> Iterator[None]:
    log.parent.mkdir(parents=True, exist_ok=True)
    handler = _LogFile(log, mode="w")
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.captureWarnings(True)
    try:
        yield
    finally:
        root.removeHandler(handler)
        handler.close()


def _line(error: Exception) -> str:
    return in_plain_words(error) or f"{type(error).__name__}: {error}"


def _detail(error: Exception) -> str:
    known = isinstance(error, SmartnetError) or in_plain_words(error)
    return _line(error) if known else f"{traceback.format_exc()}{_line(error)}"
