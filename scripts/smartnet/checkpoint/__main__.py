"""Weights from elsewhere: ``python -m smartnet.checkpoint import FILE FOLDER``."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from smartnet.errors import SmartnetError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; give the exit status."""
    parser = argparse.ArgumentParser(prog="smartnet.checkpoint", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    text = (
        "turn a checkpoint of the 2022 release (Up_SMART_Net with any heads, Down_SMART_Net_CLS or "
        "Down_SMART_Net_SEG, told by its tensors) into model.safetensors and model.json, and say what it is"
    )
    command = commands.add_parser("import", help=text, description=text)
    command.add_argument(
        "file",
        type=Path,
        help="a .pth file with weights under model_state_dict, or a state dict alone; nothing in it is run",
    )
    command.add_argument(
        "folder",
        type=Path,
        help="where to write; smartnet.load_model(FOLDER) and pretrained.checkpoint in config.yaml take it",
    )
    given = parser.parse_args(arguments)
    try:
        from smartnet.checkpoint.load import import_checkpoint

        told = import_checkpoint(given.file, given.folder)
    except (SmartnetError, OSError) as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 1
    sys.stdout.write(f"{given.folder}: {told}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
