"""Finding a million values in text: one look-up per word of the text, however many values there are."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from smartnet.privacy.text import WORD, canonical, distinct_words, stands_alone, unescaped, words_of


class Matcher:
    """Finds spellings in text.

    Args:
        spellings: pairs of canonical spelling and kind.
    """

    def __init__(self, spellings: Iterable[tuple[str, str]]) -> None:  # noqa: D107 - see above
        self._words: dict[str, str] = {}
        self._phrases: dict[str, list[tuple[str, str]]] = defaultdict(list)  # by their longest word
        for form, kind in spellings:
            if WORD.fullmatch(form):
                self._words[form] = kind
            else:
                self._phrases[max(WORD.findall(form), key=len)].append((form, kind))
        self._keys = frozenset(self._words) | frozenset(self._phrases)

    def kinds(self, line: str) -> set[str]:
        """Give the kinds of the values that stand in a line, as it is or with its escapes undone."""
        plain = unescaped(line)
        return self._kinds(canonical(line)) | (set() if plain == line else self._kinds(canonical(plain)))

    def places(self, text: str, first: int = 1) -> Iterator[tuple[int, str]]:
        """Give line number and kind of every hit in a text.

        Args:
            text: any number of lines.
            first: number of its first line.
        """
        plain = unescaped(text)
        if self._keys.isdisjoint(distinct_words(text)) and (
            plain is text or self._keys.isdisjoint(distinct_words(plain))
        ):
            return
        for number, line in enumerate(text.splitlines(), start=first):
            for kind in sorted(self.kinds(line)):
                yield number, kind

    def _kinds(self, text: str) -> set[str]:
        found = set()
        for word in self._keys.intersection(words_of(text)):
            if word in self._words:
                found.add(self._words[word])
            found.update(kind for form, kind in self._phrases.get(word, ()) if _holds(text, form))
        return found


def _holds(text: str, form: str) -> bool:
    start = text.find(form)
    while start >= 0:
        if stands_alone(text, start, start + len(form)):
            return True
        start = text.find(form, start + 1)
    return False
