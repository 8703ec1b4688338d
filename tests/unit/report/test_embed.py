"""Pictures in the page: whole while they fit, in order, then small ones, then an error."""

import base64

import cv2
import numpy as np
import pytest

from smartnet.errors import DataError
from smartnet.report.embed import MB, THUMB_PX, embed


@pytest.fixture
def figures(tmp_path):
    """Three PNG of noise, about 0.5 MB each, and a PDF of 0.1 MB beside the first."""
    random = np.random.default_rng(1)
    for name in "abc":
        cv2.imwrite(str(tmp_path / f"{name}.png"), random.integers(0, 255, (400, 420, 3), np.uint8))
    (tmp_path / "a.pdf").write_bytes(random.bytes(100_000))
    return [(tmp_path / f"{name}.png", tmp_path / "a.pdf" if name == "a" else None) for name in "abc"]


def size(pictures):
    return sum(len(picture.source) + len(picture.vector or "") for picture in pictures)


def test_all_is_whole_where_there_is_room(figures):
    pictures = embed(figures, taken=1000, budget_mb=5)
    assert [picture.whole for picture in pictures] == [True] * 3
    for picture, (png, _) in zip(pictures, figures, strict=True):
        assert base64.b64decode(picture.source.split(",")[1]) == png.read_bytes()
    assert base64.b64decode(pictures[0].vector.split(",")[1]) == figures[0][1].read_bytes()
    assert pictures[1].vector is None


def test_the_first_ones_are_whole_and_vector_figures_go_before_pixels_do(figures):
    one = embed(figures, taken=0, budget_mb=5)[0]
    enough = (3 * len(one.source) + 1000) / MB
    pictures = embed(figures, taken=0, budget_mb=enough)
    assert [picture.whole for picture in pictures] == [True] * 3
    assert pictures[0].vector is None
    pictures = embed(figures, taken=0, budget_mb=1.6)
    assert [picture.whole for picture in pictures] == [True, False, False]
    assert size(pictures) <= 1.6 * MB


def test_the_rest_of_the_page_counts_and_pictures_shrink_until_they_fit(figures):
    pictures = embed(figures, taken=700_000, budget_mb=1.0)
    assert not any(picture.whole for picture in pictures)
    assert size(pictures) <= 0.3 * MB
    data = base64.b64decode(pictures[0].source.split(",")[1])
    assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).shape[1] in THUMB_PX
    assert embed(figures, taken=700_000, budget_mb=1.0) == pictures


def test_too_small_a_budget_is_one_readable_message(figures):
    with pytest.raises(DataError, match=r"^report\.budget_mb is 0\.01, .* take \d\.\d MB: raise it$"):
        embed(figures, taken=0, budget_mb=0.01)


def test_letters_of_all_figures_are_equally_large(tmp_path):
    from PIL import Image

    for name, width in (("single", 1063), ("double", 2126)):
        Image.new("RGB", (width, 100)).save(tmp_path / f"{name}.png", dpi=(300, 300))
    single, double = embed(
        [(tmp_path / f"{n}.png", None) for n in ("single", "double")], taken=0, budget_mb=1
    )
    assert double.width == pytest.approx(2 * single.width, abs=1)
    assert single.width == pytest.approx(90 * 5.3, abs=1)
