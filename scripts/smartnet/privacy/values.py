"""Which values are looked for. The rule is in docs/decisions/0007-phi-scan.md."""

import re
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from smartnet.dicom.private import DATES, DESCRIPTIONS, NAMES, PLACES, TECHNICAL, TIMES, UIDS, read_private
from smartnet.fingerprint import ROOT
from smartnet.privacy.spellings import has_letters, is_short, spellings, trimmed
from smartnet.privacy.text import WORD, canonical, words_of

_UNMISTAKABLE = frozenset([*UIDS, *DATES, *TIMES])  # whatever they are made of
_TECHNIQUE = frozenset([*DESCRIPTIONS, *NAMES])  # may be made of the vocabulary's words, in any order
_OF_THE_SITE = frozenset([*PLACES, *_TECHNIQUE])  # no secret where the configuration itself says it
_OWN_FILES = ["Snakefile", "config.yaml", "config/*", "rules/*", "report/*", "resources/*.csv", "envs/*"]

TOO_SHORT = "too short or too common"
VOCABULARY = "vocabulary of the workflow"
IGNORED = "privacy.ignore"


@dataclass(frozen=True)
class Vocabulary:
    """Texts that say nothing about a patient.

    Attributes:
        text: canonical.
        words: of the text.
    """

    text: str = ""
    words: frozenset[str] = frozenset()

    def with_texts(self, texts: Iterable[str]) -> "Vocabulary":
        """Give this vocabulary with more texts."""
        text = canonical("\n".join(texts))
        return Vocabulary(f"{self.text}\n{text}", self.words.union(words_of(text)))

    def holds(self, form: str) -> bool:
        """Tell whether a canonical word or phrase stands in the texts."""
        words = WORD.findall(form)
        if not self.words.issuperset(words):
            return False
        return len(words) == 1 or bool(re.search(rf"(?<!\w){re.escape(form)}(?!\w)", self.text))

    def makes(self, form: str) -> bool:
        """Tell whether a phrase is made of nothing but words of the texts, short words and small numbers."""
        return all(word in self.words or is_short(word) for word in WORD.findall(form))


@cache
def own_vocabulary() -> Vocabulary:
    """Read what the workflow itself says: source, rules, captions, settings, published numbers.

    The phantoms' source is no part of it, for it holds what phantoms' headers say.
    """
    root = ROOT.parents[1]
    files = [file for pattern in _OWN_FILES for file in sorted(root.glob(pattern)) if file.is_file()]
    files += [file for file in sorted(ROOT.parent.rglob("*.py")) if file.parent.name != "phantom"]
    # Logs quote the paths of installed packages and of the study's own folder.
    known = [sys.prefix, str(Path.cwd()), ".snakemake_timestamp"]
    return Vocabulary().with_texts([*(file.read_text() for file in files), *known])


@dataclass
class Values:
    """What is looked for.

    Attributes:
        kinds: canonical spelling -> kind.
        looked_for: number of header values by kind.
        left_out: number of header values by kind and reason.
    """

    kinds: dict[str, str] = field(default_factory=dict)
    looked_for: Counter[str] = field(default_factory=Counter)
    left_out: Counter[tuple[str, str]] = field(default_factory=Counter)


def choose_values(
    private: Iterable[Path], *, configured: Iterable[str] = (), ignore: Iterable[str] = ()
) -> Values:
    """Choose what to look for.

    Args:
        private: private tables of the data sets, ``kind value``.
        configured: names and paths of the configuration; places, descriptions and file names that stand
            there are no secret of the headers.
        ignore: words and phrases that the user knows to identify nobody.

    Returns:
        the spellings, and how many values are looked for and left out.
    """
    tables = list(private)
    technical = [value for table in tables for kind, value in read_private(table) if kind == TECHNICAL]
    ours = own_vocabulary().with_texts(technical)
    theirs = ours.with_texts(configured)
    ignored = {trimmed(canonical(text)) for text in ignore}
    values = Values()
    seen: set[tuple[str, str]] = set()  # a UID recurs in no other data set, and there are many
    for table in tables:
        for kind, value in read_private(table):
            if kind == TECHNICAL or (kind, value) in seen:
                continue
            if kind not in UIDS:
                seen.add((kind, value))
            _add(values, kind, value, theirs if kind in _OF_THE_SITE else ours, ignored)
    return values


def _add(values: Values, kind: str, value: str, known: Vocabulary, ignored: set[str]) -> None:
    """Add the spellings of one value that mean something; count it as looked for or left out."""
    reasons = {form: _why_not(kind, form, known, ignored) for form in spellings(kind, value)}
    chosen = [form for form, reason in reasons.items() if not reason]
    for form in chosen:
        values.kinds.setdefault(form, kind)
    if chosen:
        values.looked_for[kind] += 1
    else:
        values.left_out[kind, next(iter(reasons.values()), TOO_SHORT)] += 1


def _why_not(kind: str, form: str, known: Vocabulary, ignored: set[str]) -> str:
    """Say why a spelling is not looked for; empty if it is."""
    if form in ignored:
        return IGNORED
    if kind not in TIMES and is_short(form):
        return TOO_SHORT
    if kind in _UNMISTAKABLE or not has_letters(form):  # numbers are nobody's vocabulary
        return ""
    if known.holds(form) or (kind in _TECHNIQUE and known.makes(form)):
        return VOCABULARY
    return ""
