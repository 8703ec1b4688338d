"""One spelling for text, and the fast way to its words."""

import pytest

from smartnet.privacy.text import canonical, distinct_words, stands_alone, unescaped, words_of

TEXTS = [
    "Doe^Jane__Q  (1.2.840.113619.2)\tx\n",
    "mask1.2.840.10008.5.nii.gz .5 1. 1.5 -1024.000000 a.b.c 3.x 1.2.3",
    "1.5e-05 v2.0.1 0.123456,77.5;12:30:01.250 ...",
    "Jörg·Müller»ID«77 3½ 1.2.3.4.5.6",
    "",
]


@pytest.mark.parametrize("text", TEXTS)
def test_the_fast_way_finds_the_same_words(text):
    assert distinct_words(text) == set(words_of(canonical(text)))


def test_numbers_stay_whole_and_uids_leave_their_letters():
    assert words_of("0.123456 ab12 x1.2.3.4.5.6") == ["0.123456", "ab12", "x1", "2.3.4.5.6", "1.2.3.4.5.6"]


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("a%5Eb%20c", "a^b c"),
        ("a&amp;b &#x41;", "a&b A"),
        (r"a\_b\textasciicircum{}c", "a_b c"),
        (r"\u00fc", "ü"),
        ("50% of R&D", "50% of R&D"),
    ],
)
def test_escapes_are_undone(text, plain):
    assert unescaped(text) == plain


def test_a_word_inside_a_word_does_not_stand_alone():
    assert stands_alone("on 2019-01-07t10", 3, 13)
    assert not stands_alone("on 2019-01-071", 3, 13)
    assert not stands_alone("van doen", 0, 7)
