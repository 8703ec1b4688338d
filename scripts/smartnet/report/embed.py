"""Pictures inside the page: whole while they fit the budget, else small ones that link to the file."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from smartnet.errors import DataError

MIMES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".svg": "image/svg+xml",
    ".pdf": "application/pdf",
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".tex": "application/x-tex",
}
THUMB_PX = (900, 600, 300)  # widths of small pictures, tried in turn
JPEG_QUALITY = 85
MB = 1_000_000
CSS_PX_PER_MM = 5.3  # so large is a figure on the page: two columns of a paper fill it


@dataclass(frozen=True)
class Picture:
    """A figure on the page.

    Attributes:
        source: data URI.
        whole: whether it is the file itself, or a small picture of it.
        width: on the page, CSS pixels.
        vector: data URI of the vector figure, None where it is not inside the page.
    """

    source: str
    whole: bool
    width: int
    vector: str | None = None


def data_uri(data: bytes, suffix: str) -> str:
    """Write bytes of a file with this suffix as a data URI."""
    return f"data:{MIMES[suffix]};base64,{base64.b64encode(data).decode()}"


def embed(figures: Sequence[tuple[Path, Path | None]], *, taken: int, budget_mb: float) -> list[Picture]:
    """Embed figures so that the page stays within its budget.

    Every figure has at least a small picture; whole ones take their place from the first figure on while they
    fit, then vector figures while they do.

    Args:
        figures: each a PNG, and the same as PDF or None.
        taken: bytes that the rest of the page needs.
        budget_mb: of the page, in 10^6 bytes.

    Returns:
        one picture per figure.

    Raises:
        DataError: not even the smallest pictures fit.
    """
    whole = [data_uri(png.read_bytes(), png.suffix) for png, _ in figures]
    budget = int(budget_mb * MB)
    for width in THUMB_PX:
        small = [min(uri, _thumb(png, width), key=len) for uri, (png, _) in zip(whole, figures, strict=True)]
        size = taken + sum(map(len, small))
        if size <= budget:
            break
    else:
        raise DataError(
            f"report.budget_mb is {budget_mb:g}, but text, tables and small pictures alone take "
            f"{size / MB:.1f} MB: raise it"
        )
    chosen = []
    for uri, thumb in zip(whole, small, strict=True):
        fits = size + len(uri) - len(thumb) <= budget
        size += len(uri) - len(thumb) if fits else 0
        chosen.append(uri if fits else thumb)
    vectors = []
    for _, pdf in figures:
        uri = data_uri(pdf.read_bytes(), pdf.suffix) if pdf else None
        fits = uri is not None and size + len(uri) <= budget
        size += len(uri) if fits else 0
        vectors.append(uri if fits else None)
    return [
        Picture(source, source == uri, _width(png), vector)
        for source, uri, (png, _), vector in zip(chosen, whole, figures, vectors, strict=True)
    ]


def _thumb(png: Path, width: int) -> str:
    import cv2

    image = cv2.imread(str(png), cv2.IMREAD_COLOR)
    height = max(1, round(image.shape[0] * width / image.shape[1]))
    small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return data_uri(
        cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes(), ".jpg"
    )


def _width(png: Path) -> int:
    """Width on the page by the resolution that the file names: letters of all figures are equally large."""
    from PIL import Image

    with Image.open(png) as image:
        dpi = image.info.get("dpi", (300, 300))[0]
        return round(image.width / dpi * 25.4 * CSS_PX_PER_MM)
