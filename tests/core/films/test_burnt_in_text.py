"""Text burnt into a film is noticed near the rim; markers and grain are not text."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from fracture_core.films import burnt_in_text
from fracture_core.prediction.study_prediction import FilmPrediction, StudyPrediction
from fracture_core.reports import study_record


def film(width: int = 600, height: int = 800) -> Image.Image:
    """A bright bone with grain on a dark ground."""
    values = np.random.default_rng(0).normal(30, 4, (height, width))
    values[:, width // 3 : width // 2] += 120
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


def with_text(text: str, place: tuple[int, int], size: int = 24, ink: int = 240) -> Image.Image:
    written = film()
    ImageDraw.Draw(written).text(place, text, ink, ImageFont.load_default(size))
    return written


@pytest.mark.parametrize("text", ["DOE^JANE", "SMITH JOHN", "1970-03-12", "Ward 7 B"])
@pytest.mark.parametrize("place", [(20, 20), (380, 760)])
def test_a_line_of_text_at_a_corner_is_noticed_where_it_stands(text, place) -> None:
    [box, *_] = burnt_in_text.lines(with_text(text, place))
    left, top, right, bottom = box
    assert place[0] - 10 <= left < right <= place[0] + 320
    assert place[1] - 10 <= top < bottom <= place[1] + 40


def test_text_along_the_side_and_in_a_larger_film_is_noticed_too() -> None:
    upright = with_text("SMITH JOHN", (20, 20))
    assert burnt_in_text.lines(upright.transpose(Image.Transpose.TRANSPOSE))
    large = upright.resize((2400, 3200))
    [box, *_] = burnt_in_text.lines(large)
    assert box[2] > 300 and box[3] < 250  # in the film's own px


def test_a_film_without_text_a_side_marker_and_text_in_the_middle_raise_no_warning() -> None:
    assert burnt_in_text.lines(film()) == []
    assert burnt_in_text.lines(with_text("R", (30, 30), 60)) == []
    assert burnt_in_text.lines(with_text("SMITH JOHN", (230, 390))) == []


def test_the_warning_before_an_export_names_the_films() -> None:
    pixels = np.zeros((32, 32), np.uint8)
    films = tuple(
        FilmPrediction(name=f"{n}.png", probability=0.5, pixels=pixels, text_lines=lines)
        for n, lines in enumerate((0, 2, 0))
    )
    study = StudyPrediction(study="s", films=films, refused=())
    assert study_record.text_warning([study]).startswith("1.png has text-like marks near the rim")
    none = StudyPrediction(study="s", films=films[:1], refused=())
    assert study_record.text_warning([none]) == ""
