"""One spelling for text: what a value and its copy in an artifact have in common.

Case, runs of spaces, ``^`` and ``_`` make no difference. A word is a run of letters and digits, or of
digits joined by dots (a number, a UID), so that 0.123456 is not the identifier 123456.
"""

import html
import re
import unicodedata
from functools import lru_cache
from urllib.parse import unquote

WORD = re.compile(r"\d+(?:\.\d+)+|[^\W_]+")
UID = re.compile(r"\d+(?:\.\d+){4,}")
NUMBER = re.compile(r"\d+(?:\.\d+)?")
_ESCAPES = re.compile(r"%[0-9A-Fa-f]{2}|&#?\w+;|\\")
_SPACES = re.compile(r"[ ^_+\xa0]{2,}")
_TO_SPACE = str.maketrans("^_+\xa0", "    ")
_LATEX = re.compile(r"\\(?:textasciicircum|\^)(?:\{\}| )?")
_CODE_POINT = re.compile(r"\\u([0-9A-Fa-f]{4})")


def canonical(text: str) -> str:
    """Give text in its one spelling: lower case, composed, ``^``, ``_`` and ``+`` as single spaces."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return _SPACES.sub(" ", text.translate(_TO_SPACE)).lower()


def unescaped(text: str) -> str:
    """Undo the escapes of URLs, HTML, JSON and LaTeX; the very same text where there are none."""
    if not _ESCAPES.search(text):
        return text
    text = html.unescape(unquote(text))
    if "\\" in text:
        text = _CODE_POINT.sub(lambda match: chr(int(match[1], 16)), text)
        text = _LATEX.sub(" ", text).replace("\\n", " ").replace("\\t", " ").replace("\\", "")
    return text


def words_of(text: str) -> list[str]:
    """List the words of canonical text; a UID glued to letters counts as a word, too."""
    return WORD.findall(text) + UID.findall(text)


@lru_cache(maxsize=65536)
def _is_edge(character: str) -> bool:
    return not character.isalnum()


def stands_alone(text: str, start: int, end: int) -> bool:
    """Tell whether text[start:end] is not a part of longer words; at a digit only digits go on."""
    before, after = text[start - 1 : start], text[end : end + 1]
    return not (
        (before and (before.isdigit() if text[start].isdigit() else not _is_edge(before)))
        or (after and (after.isdigit() if text[end - 1].isdigit() else not _is_edge(after)))
    )
