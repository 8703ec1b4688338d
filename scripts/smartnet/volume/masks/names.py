"""What the name of a segment or ROI says: a kind of hemorrhage, some hemorrhage, or something else."""

import re
from collections.abc import Mapping, Sequence

from smartnet.dicom.labels import KINDS
from smartnet.volume.masks.scan import MaskError

ANY_HEMORRHAGE = 1
_WORDS = dict(
    zip(KINDS, ("epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural"), strict=True)
)
_HEMORRHAGE = re.compile(r"ha?emorrhag|ha?ematoma|bleed|lesion|\bich\b")
_NOTHING_SAID = re.compile(r"(segment(ation)?|roi|label|region|contour|structure|object|mask)?\s*\d*")


def labels_of(names: Mapping[int, Sequence[str]]) -> dict[int, int]:
    """Give the label of each segment or ROI of a mask file.

    Args:
        names: by its number in the file, names and descriptions of each one, the most telling first.

    Returns:
        1..5 in the order of :data:`smartnet.dicom.labels.KINDS` where a name holds exactly one kind, as an
        abbreviation or a word; else 1 where it speaks of hemorrhage or says nothing ("Segment_1"), and for
        the only one of its file whatever it is called.

    Raises:
        MaskError: one of several is called something else; it could be the skull.
    """
    labels = {number: _label(texts) for number, texts in names.items()}
    if len(labels) == 1:
        return {number: label or ANY_HEMORRHAGE for number, label in labels.items()}
    for number, label in labels.items():
        if label is None:
            raise MaskError(  # a name is free text and may hold an identifier: the number must do
                f"marks {len(labels)} segments or ROIs, and the name of number {number} is no hemorrhage: "
                f"name it {', '.join(KINDS)} or hemorrhage, or take it out of the file"
            )
    return labels


def _label(texts: Sequence[str]) -> int | None:
    plain = [" ".join(re.findall(r"[^\W_]+", text.lower())) for text in texts if text.strip()]
    for text in plain:
        found = [
            label
            for label, (kind, word) in enumerate(_WORDS.items(), start=1)
            if re.search(rf"\b{kind.lower()}\b|{word}", text)
        ]
        if found:
            return found[0] if len(found) == 1 else ANY_HEMORRHAGE
    if any(map(_HEMORRHAGE.search, plain)) or not plain or _NOTHING_SAID.fullmatch(plain[0]):
        return ANY_HEMORRHAGE
    return None
