"""One process of a group, started by ``smartnet.training.group``; not meant to be called by hand."""

import importlib
import json
import logging
import sys
from pathlib import Path

from smartnet.training.group import CAUSE, first

PATHS = ("split", "upstream", "output", "state", "words")  # options that JSON turned into text


def main(file: Path) -> None:
    """Run the function that the task names; a failing process leaves its message beside the task."""
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
        file.with_name(CAUSE).write_text(str(error))
        raise


if __name__ == "__main__":
    main(Path(sys.argv[1]))
