"""Which settings of a job changed, by what Snakemake keeps of its last run: texts without names."""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

LONGEST = 60  # letters of a value in a message
SCRIPT = re.compile(r"'script [0-9a-f]{12}'")
FINGERPRINT = re.compile(r"'[0-9a-f]{12}'")
Behind = Mapping[str, Mapping[str, str]]


def changed_settings(old: Sequence[str], new: Mapping[str, Any], behind: Behind) -> list[str]:
    """Say what changed, one text per setting.

    Args:
        old: ``repr`` of the params of the last run, in any order.
        new: the params now, by name; ``code`` and ``script`` are fingerprints.
        behind: the hashes of the modules behind fingerprints, as far as they are known.
    """
    now = {name: repr(value) for name, value in new.items()}
    gone = sorted(set(old) - set(now.values()))
    came = {name: new[name] for name, text in now.items() if text not in old}
    texts = []
    if came.pop("script", None):
        gone = [text for text in gone if not SCRIPT.fullmatch(text)]
        texts.append("its script changed")
    if "code" in came:
        before = [text for text in gone if FINGERPRINT.fullmatch(text)]
        gone = [text for text in gone if text not in before]
        texts.append(code_changed([text.strip("'") for text in before], came.pop("code"), behind))
    for name, value in came.items():
        before = _counterpart(gone, value)
        if before is not None:
            gone.remove(before)
        texts += _differences(name, before, value)
    return texts or [f"setting {_short(text)} is no longer read" for text in gone]


def code_changed(before: Sequence[str], now: str, behind: Behind) -> str:
    """Say which modules of the library changed, as far as their hashes are known."""
    known = [fingerprint for fingerprint in before if fingerprint in behind]
    if not known or now not in behind:
        return "its library code changed"
    old, new = behind[known[0]], behind[now]
    modules = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    return f"its library code changed ({listed(modules)})" if modules else "other library code is chosen"


def listed(names: Sequence[str], most: int = 3) -> str:
    """The first names of a list, and how many more there are; ``nothing`` of an empty one."""
    if not names:
        return "nothing"
    rest = len(names) - most
    *first, last = [*names[:most], f"{rest} more"] if rest > 0 else names
    return f"{', '.join(first)} and {last}" if first else last


def _counterpart(gone: Sequence[str], value: Any) -> str | None:
    """What a value was: the old one of its kind, of dictionaries that with the most keys in common."""
    alike = [text for text in gone if type(_value(text)) is type(value)]
    if isinstance(value, Mapping):
        common = {text: len(_value(text).keys() & value.keys()) for text in alike}
        alike = [text for text in alike if common[text] and common[text] == max(common.values())]
    elif isinstance(value, int | float) or value is None:
        alike = [text for text in gone if not isinstance(_value(text), Mapping | list | str)]
    if not alike and len(gone) == 1:
        return gone[0]  # of another kind, as null is
    return alike[0] if len(alike) == 1 else None


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _differences(name: str, before: str | None, value: Any) -> list[str]:
    if before is None:
        return [f"setting {name} is now {_short(value)}"]
    return [
        f"setting {path} changed from {_short(old)} to {_short(new)}"
        for path, old, new in _leaves(name, _value(before), value)
    ]


def _leaves(path: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    """Every place where two values differ, down to the leaves of dictionaries."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted(old.keys() | new.keys(), key=str):
            yield from _leaves(f"{path}.{key}", old.get(key, "nothing"), new.get(key, "nothing"))
    elif old != new:
        yield path, old, new


def _short(value: Any) -> str:
    text = "null" if value is None else str(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
