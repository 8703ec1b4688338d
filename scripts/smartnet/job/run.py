"""A job: one log file, and errors as one line that a user can act on."""

import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from smartnet.errors import SmartnetError
from smartnet.job.failures import in_plain_words
from smartnet.job.record import recorded


@contextmanager
def job(snakemake: Any) -> Iterator[None]:
    """Run a block as a job: log to its log file; on failure write the cause there and end with exit status 1.

    A :class:`SmartnetError`, and what the disk refuses, is shown as its one line, on stderr too; anything
    else with its traceback in the log and its last line on stderr.

    Args:
        snakemake: the object that Snakemake gives to a script.
    """
    log = snakemake.log[0]
    with _logging_to(Path(log)):
        try:
            with recorded(snakemake):
                yield
        except SmartnetError as error:
            _end(log, f"{type(error).__name__}: {error}", detail="")
        except Exception as error:
            words = in_plain_words(error)
            _end(
                log,
                words or f"{type(error).__name__}: {error}",
                detail="" if words else traceback.format_exc(),
            )


@contextmanager
def _logging_to(log: Path) -> Iterator[None]:
    log.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(log, mode="w")
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


def _end(log: str, message: str, *, detail: str) -> None:
    logging.getLogger(__name__).error("%s", f"{detail}{message}" if detail else message)
    sys.stderr.write(f"{message} (log: {log})\n")
    raise SystemExit(1)
