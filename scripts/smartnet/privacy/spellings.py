"""In which spellings a header's value could stand in an artifact, and which of them mean too little."""

import re
from collections.abc import Iterable

from smartnet.dicom.private import DATES, NAMES, PERSONS, TIMES, UIDS
from smartnet.privacy.text import NUMBER, WORD, canonical

SHORTEST_WORD = 4
SHORTEST_PHRASE = 6
SHORTEST_FOREIGN = 2  # artifacts are in English; a family name may be one or two ideographs
SHORTEST_NUMBER = 6
SHORTEST_PADDED = 8

_SUFFIX = re.compile(r"(\.[A-Za-z]{1,8}|\.gz|\.nii)+$")
_DAY = re.compile(r"((?:18|19|20)\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")
_TIME = re.compile(r"\d{6}\.(?!0+$)\d{3,}")


def spellings(kind: str, value: str) -> list[str]:
    """List the canonical spellings (see :mod:`smartnet.privacy.text`) of a value of this kind."""
    if kind in UIDS and WORD.fullmatch(value):
        return [value]
    if kind in PERSONS:
        forms = [form for group in value.split("=") for form in _person(group)]
    elif kind in DATES:
        forms = _day(value)
    elif kind in TIMES:
        forms = [value] if _TIME.fullmatch(value) else []
    elif kind in NAMES:
        forms = [_SUFFIX.sub("", value)]
    else:
        forms = [value]
    forms = [trimmed(canonical(form)) for form in forms]
    return list(dict.fromkeys(form for form in (*forms, *_as_numbers(forms)) if form))


def trimmed(form: str) -> str:
    """Cut what is no letter or digit off both ends."""
    words = list(WORD.finditer(form))
    return form[words[0].start() : words[-1].end()] if words else ""


def has_letters(form: str) -> bool:
    """Tell whether a spelling is more than a number."""
    return any(map(str.isalpha, form))


def is_short(form: str) -> bool:
    """Tell whether a canonical spelling means too little: its like stands in any table."""
    if not form.isascii():
        return len(form) < SHORTEST_FOREIGN
    if not WORD.fullmatch(form):
        digits = sum(map(str.isdigit, form))
        return len(form) < SHORTEST_PHRASE or (not has_letters(form) and digits < SHORTEST_NUMBER)
    if NUMBER.fullmatch(form):
        whole = form.removesuffix(".0").removesuffix(".000000")
        digits = whole if len(whole) >= SHORTEST_PADDED else whole.lstrip("0")  # 000012 is a counter
        return "." in whole or len(digits) < SHORTEST_NUMBER
    return len(form) < SHORTEST_WORD


def _person(name: str) -> list[str]:
    """Spell a person's name (DICOM PS3.5 6.2.1: family^given^middle^prefix^suffix), and its parts alone."""
    parts = [" ".join(part.split()) for part in name.replace(",", "^").split("^")]
    named = [part for part in parts if part]
    alone = [word for part in parts[:3] for word in (part, *part.replace("-", " ").split())]
    forms = [" ".join(named), *alone]
    if len(named) > 1:
        family, given = named[:2]
        forms += [f"{family}{mark}{given}" for mark in (" ", ".", "-", ",", ", ")]
        forms += [f"{given}{mark}{family}" for mark in (" ", ".", "-")]
    return forms


def _day(value: str) -> list[str]:
    """Spell a day (DA, or the day of a DT) in its three usual full forms."""
    dotted = len(value) == len("2020.01.31")  # before DICOM 3.0
    match = _DAY.match(value.replace(".", "") if dotted else value)
    if not match:
        return []
    year, month, day = match.groups()
    forms = [f"{year}{month}{day}", f"{year}-{month}-{day}", f"{day}.{month}.{year}"]
    return [*forms, value] if len(value) >= len("20200131120000") else forms


def _as_numbers(forms: Iterable[str]) -> list[str]:
    """Spell an all-digit identifier as a table does that took it for a number."""
    short = {form.lstrip("0") for form in forms if form.isdigit()}
    return [f"{number}{tail}" for number in sorted(short) if number for tail in ("", ".0", ".000000")]
