"""Entries of a store: a folder per result, whole or not there, checked when it is taken."""

import errno
import hashlib
import json
import logging
import os
import re
import shutil
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from smartnet.files import atomic_path, read_json, write_json
from smartnet.job.digests import Digest, digests, files_below
from smartnet.store.rights import Rights, UntrustedError

logger = logging.getLogger(__name__)

MANIFEST = "manifest.json"
FORMAT = 1
_ENTRY = re.compile(r"\.?([0-9a-f]{2})[0-9a-f]{30}(\..+)?")  # whole, half-written or set aside
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)  # of the copy: reading needs none


def key_of(content: Mapping[str, Any]) -> str:
    """Name a result by all that it depends on (32 hex digits of SHA-256)."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]


def folder_of(store: Path, key: str) -> Path:
    """Where a result lies, or would; a half-written one (its name begins with a dot) lies there too."""
    return store / key.removeprefix(".")[:2] / key


def take(store: Path, key: str, outputs: Mapping[str, Path], rights: Rights) -> dict[str, Any] | None:
    """Copy a result out of the store, if it is there, whole and to be believed.

    It is copied, not linked: who changes an output in place must not change the store. A file has its own
    name only when it is whole and checked.

    Args:
        store: folder of the store.
        key: see :func:`key_of`.
        outputs: where the files or folders of the result belong, by name.
        rights: of the store.

    Returns:
        the facts that were kept with it; None if it must be made here.

    Raises:
        OSError: there is no room for it here; there will be none either for one that is made.
    """
    entry = folder_of(store, key)
    try:
        if not entry.is_dir():
            return None
        for place in (store, entry.parent, entry, *entry.rglob("*")):
            rights.check(place)
        if not (entry / MANIFEST).is_file():
            raise DamagedError("it has no manifest")
        manifest = read_json(entry / MANIFEST)
        _take(entry, manifest["outputs"], outputs)
    except UntrustedError as error:
        logger.warning("the store has this result (%s), but %s: it is made here", key, error)
    except (ValueError, KeyError, TypeError, DamagedError) as error:
        logger.warning("the store's entry %s is damaged (%s): it is set aside and made anew", key, error)
        _set_aside(entry)
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise
        logger.warning("the store cannot be read (%s): the result is made here", error.strerror)
    else:
        logger.info("taken from the store: %s", key)
        return manifest["facts"]
    for path in outputs.values():
        _remove(path)
    return None


class DamagedError(Exception):
    """An entry that does not hold what its manifest says."""


def _take(entry: Path, kept: Mapping[str, Any], outputs: Mapping[str, Path]) -> None:
    if set(kept) != set(outputs):
        raise DamagedError("it has other outputs")
    for name, target in outputs.items():
        files = dict(files_below(entry / name))
        if set(files) != set(kept[name]):
            raise DamagedError(f"{name} has other files")
        _remove(target)  # what an earlier try left
        if (entry / name).is_dir():
            target.mkdir(parents=True, exist_ok=True)
        for below, source in files.items():
            with atomic_path(target / below) as copy:
                _copy(source, copy)
                if [*digests(copy)[""]] != kept[name][below]:
                    raise DamagedError(f"{name} is not what was kept")


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as there, target.open("wb") as here:
        shutil.copyfileobj(there, here)  # where there is no room, copyfile would name the source


def put(store: Path, key: str, outputs: Mapping[str, Path], facts: Mapping[str, Any], rights: Rights) -> None:
    """Keep a result. What cannot be kept is a warning: the result is there, after all.

    Args:
        store: folder of the store; made if its parent is there.
        key: see :func:`key_of`.
        outputs: its files or folders, by name.
        facts: what shall be known of it, as JSON has it; no path, no user.
        rights: of the store.
    """
    entry = folder_of(store, key)
    half = entry.with_name(f".{key}.{socket.gethostname()}.{os.getpid()}")
    try:
        shutil.rmtree(half, ignore_errors=True)  # of a killed process that had this number
        rights.open_folder(store, shared=True)
        rights.check(store)
        rights.open_folder(entry.parent, shared=True)
        if entry.exists():
            return
        rights.open_folder(half)
        kept = {name: _put(path, half / name, rights) for name, path in outputs.items()}
        content = {"format": FORMAT, "outputs": kept, "facts": dict(facts)}
        write_json(content, half / MANIFEST)
        rights.close_file(half / MANIFEST)
        half.rename(entry)  # fails if another clone was faster, which is as good
        logger.info("kept in the store: %s", key)
    except UntrustedError as error:
        logger.warning("the store is not used, for %s: give the folder to its users alone", error)
    except OSError as error:
        if not entry.exists():
            logger.warning("the result cannot be kept in the store (%s)", error.strerror)
    finally:
        shutil.rmtree(half, ignore_errors=True)


def _put(path: Path, target: Path, rights: Rights) -> dict[str, list[Any]]:
    found: dict[str, Digest] = digests(path)
    if path.is_dir():
        rights.open_folder(target)
    for name in found:
        place = target / name if name else target
        for folder in reversed([parent for parent in place.parents if parent.is_relative_to(target)]):
            rights.open_folder(folder)
        shutil.copyfile(path / name if name else path, place)
        rights.close_file(place)
    return {name: [*digest] for name, digest in found.items()}


def _set_aside(entry: Path) -> None:
    try:
        entry.rename(entry.with_name(f"{entry.name}.damaged"))
    except OSError:
        shutil.rmtree(entry, ignore_errors=True)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def entries(store: Path) -> Iterator[tuple[str, float, int]]:
    """Every entry of a store, nothing else there: name, time of making (s since the epoch), size in bytes."""
    for folder in sorted(store.glob("??/*")):
        name = _ENTRY.fullmatch(folder.name)
        if name and name[1] == folder.parent.name and folder.is_dir() and not folder.is_symlink():
            files = [path.lstat() for path in folder.rglob("*") if path.is_file()]
            yield folder.name, folder.stat().st_mtime, sum(state.st_size for state in files)


def prune(store: Path, *, older_than_s: float | None, at_most_bytes: float | None, now: float) -> list[str]:
    """Remove entries: those that are older, then the oldest until the rest is small enough; their names.

    Entries that another member of the group made are theirs to remove, and stay.

    Args:
        store: folder of the store.
        older_than_s: age in seconds, None for no limit.
        at_most_bytes: what may stay, None for no limit.
        now: seconds since the epoch.
    """
    found = sorted(entries(store), key=lambda entry: entry[1])
    left, gone = sum(size for _, _, size in found), []
    for key, made, size in found:
        old = older_than_s is not None and now - made > older_than_s
        if old or (at_most_bytes is not None and left > at_most_bytes):
            try:
                shutil.rmtree(folder_of(store, key))
            except OSError as error:
                logger.warning("%s stays: it cannot be removed (%s)", key, error.strerror)
                continue
            left -= size
            gone.append(key)
    return gone
