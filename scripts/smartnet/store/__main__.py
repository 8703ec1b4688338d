"""``python -m smartnet.store list|prune FOLDER``: what a store holds, and making room in it."""

import argparse
import logging
import sys
import time
from pathlib import Path

from smartnet.files import read_json
from smartnet.store.entry import MANIFEST, entries, folder_of, prune

DAY_S, GB = 86400, 1e9


def main(arguments: list[str] | None = None) -> int:
    """Run the command; its exit status."""
    parser = argparse.ArgumentParser(prog="python -m smartnet.store", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    listing = commands.add_parser("list", help="one line per entry: key, age in days, MB, what it is")
    pruning = commands.add_parser("prune", help="remove old entries, then the oldest")
    for command in (listing, pruning):
        command.add_argument("folder", type=Path, help="store.path of the configuration")
    pruning.add_argument("--older-than", type=float, metavar="DAYS", help="remove entries of such an age")
    pruning.add_argument("--max-gb", type=float, help="remove the oldest until no more is left")
    options = parser.parse_args(arguments)
    if not options.folder.is_dir():
        parser.error(f"there is no store '{options.folder}': give store.path of the configuration")
    if options.command == "list":
        for key, made, size in entries(options.folder):
            age = (time.time() - made) / DAY_S
            sys.stdout.write(f"{key} {age:8.1f} d {size / 1e6:10.1f} MB  {_what(options.folder, key)}\n")
        return 0
    if options.older_than is None and options.max_gb is None:
        parser.error("say what shall go: --older-than DAYS, --max-gb N or both")
    logging.basicConfig(format="%(message)s")
    gone = prune(
        options.folder,
        older_than_s=None if options.older_than is None else options.older_than * DAY_S,
        at_most_bytes=None if options.max_gb is None else options.max_gb * GB,
        now=time.time(),
    )
    sys.stdout.write(f"{len(gone)} entries removed\n")
    return 0


def _what(store: Path, key: str) -> str:
    manifest = folder_of(store, key) / MANIFEST
    if not manifest.is_file():
        return "damaged or half-written"
    try:
        facts = read_json(manifest)["facts"]
        return " ".join([facts["rule"], *(f"{name}={value}" for name, value in facts["wildcards"].items())])
    except (ValueError, KeyError, TypeError, AttributeError):  # no JSON, or JSON of another kind
        return "damaged"


if __name__ == "__main__":
    sys.exit(main())
