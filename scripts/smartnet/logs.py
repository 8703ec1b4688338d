"""What a job says: one log file per job, errors as one line that a user can act on."""

import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from smartnet.errors import SmartnetError


@contextmanager
def job(log: Path | str) -> Iterator[None]:
    """Run a block as a job: log to ``log``; on failure write the cause there and end with exit status 1.

    A :class:`SmartnetError` is shown as its one line, on stderr too; anything else with its traceback in
    the log and its last line on stderr.
    """
    Path(log).parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(log, mode="w")
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.captureWarnings(True)
    try:
        yield
    except SmartnetError as error:
        _end(log, f"{type(error).__name__}: {error}", detail="")
    except Exception as error:
        _end(log, f"{type(error).__name__}: {error}", detail=traceback.format_exc())
    finally:
        root.removeHandler(handler)
        handler.close()


def _end(log: Path | str, message: str, *, detail: str) -> None:
    logging.getLogger(__name__).error("%s", f"{detail}{message}" if detail else message)
    sys.stderr.write(f"{message} (log: {log})\n")
    raise SystemExit(1)
