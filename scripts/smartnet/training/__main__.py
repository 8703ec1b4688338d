"""One process of a group, started by ``smartnet.training.group``; not meant to be called by hand."""

import contextlib
import importlib
import json
import logging
import sys
from pathlib import Path

from smartnet.errors import SmartnetError
from smartnet.training.group import CAUSE, ERROR, first

PATHS = ("split", "upstream", "output", "state", "words")  # options that JSON turned into text


def main(file: Path) -> None:
    """Run the function that the task names; the process that fails first leaves its message beside the task.

    The others then fail as well, because they lose their connection to it.
    """
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
