"""One process of a group, started by ``smartnet.training.group``; not meant to be called by hand."""

import contextlib
import ctypes
import importlib
import json
import logging
import signal
import sys
from pathlib import Path

from smartnet.errors import SmartnetError
from smartnet.training.group import CAUSE, ERROR, first

PR_SET_PDEATHSIG = 1  # of Linux' prctl(2)
PATHS = ("split", "upstream", "output", "state", "words")  # options that JSON turned into text


def end_with_launcher() -> None:
    """Let this process be killed when the launcher is, or it trained on beside the next attempt (Linux)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def main(file: Path) -> None:
    """Run the function that the task names; the process that fails first leaves its message beside the task.

    The others then fail as well, because they lose their connection to it.
    """
    end_with_launcher()
    task = json.loads(file.read_text())
    logging.basicConfig(
        level=logging.INFO if first() else logging.ERROR,
        format="%(levelname)s %(message)s",
        handlers=[logging.FileHandler(log) for log in task["logs"]] or None,
    )
    options = task["options"]
    options |= {name: Path(options[name]) for name in PATHS if options.get(name)}
    options |= {"slices": [Path(folder) for folder in options["slices"]]} if "slices" in options else {}
    module, name = task["function"].split(":")
    try:
        getattr(importlib.import_module(module), name)(**options)
    except Exception as error:
        message = file.with_name(CAUSE if isinstance(error, SmartnetError) else ERROR)
        with contextlib.suppress(FileExistsError), message.open("x") as text:
            text.write(str(error).partition("\n")[0])
        raise


if __name__ == "__main__":
    main(Path(sys.argv[1]))
