"""One spelling for text: what a value and its copy in an artifact have in common.

Case, runs of spaces, ``^`` and ``_`` make no difference. A word is a run of letters and digits, or of
digits joined by dots (a number, a UID), so that 0.123456 is not the identifier 123456.
"""

import html
import re
import unicodedata
from urllib.parse import unquote

WORD = re.compile(r"\d+(?:\.\d+)+|[^\W_]+")
UID = re.compile(r"\d+(?:\.\d+){4,}")
NUMBER = re.compile(r"\d+(?:\.\d+)?")
_ESCAPES = re.compile(r"%[0-9A-Fa-f]{2}|&#?\w+;|\\")
_ESCAPING = ("%", "&", "\\")
_APART = str.maketrans({mark: " " for mark in map(chr, range(128)) if not (mark.isalnum() or mark == ".")})
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
    if not any(mark in text for mark in _ESCAPING) or not _ESCAPES.search(text):
        return text
    text = html.unescape(unquote(text))
    if "\\" in text:
        text = _CODE_POINT.sub(lambda match: chr(int(match[1], 16)), text)
        text = _LATEX.sub(" ", text).replace("\\n", " ").replace("\\t", " ").replace("\\", "")
    return text


def words_of(text: str) -> list[str]:
    """List the words of canonical text; a UID glued to letters counts as a word, too."""
    return WORD.findall(text) + UID.findall(text)


def distinct_words(text: str) -> set[str]:
    """List the words of any text, each once: those of its canonical spelling, but several times as fast."""
    if not text.isascii():
        return set(words_of(canonical(text)))
    tokens = set(text.translate(_APART).lower().split())
    dotted = {token for token in tokens if "." in token}
    decimals = {
        token for token in dotted if token[0] != "." != token[-1] and token.replace(".", "", 1).isdigit()
    }
    return (tokens - dotted) | decimals | set(words_of(" ".join(dotted - decimals)))


def stands_alone(text: str, start: int, end: int) -> bool:
    """Tell whether text[start:end] is not a part of longer words; at a digit only digits go on."""
    before, after = text[start - 1 : start], text[end : end + 1]
    return not (
        (before and (before.isdigit() if text[start].isdigit() else before.isalnum()))
        or (after and (after.isdigit() if text[end - 1].isdigit() else after.isalnum()))
    )
