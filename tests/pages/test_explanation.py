"""The colours of heat maps."""

import io

import numpy as np
import pytest
from PIL import Image

from fracture_core.reports.study_record import OCCLUSION_FULL
from ui.diagnose import explanation, prediction_cache


def opacity(method: str, value: float) -> int:
    """Return how opaque the strongest place of a map is, 0 to 255."""
    heat = np.zeros((4, 6), np.float32)
    heat[1, 2] = value
    drawn = explanation.pictures(
        prediction_cache.Maps(over_film={method: heat}, cell={method: (8.0, 8.0)})
    )
    pixels = np.asarray(Image.open(io.BytesIO(drawn[explanation.NAMES[method]])))
    assert (pixels[heat == 0, 3] == 0).all()
    return int(pixels[1, 2, 3])


@pytest.mark.parametrize("value", [OCCLUSION_FULL, 0.4, -0.4])
def test_a_place_that_changes_the_answer_has_the_full_colour(value: float) -> None:
    assert opacity("occlusion", value) == explanation.MOST_OPAQUE


def test_occlusion_that_changes_next_to_nothing_is_pale() -> None:
    assert (
        opacity("occlusion", 0.0004)
        == round(explanation.MOST_OPAQUE * 0.0004 / OCCLUSION_FULL)
        == 2
    )
    assert opacity("occlusion", 0.0) == 0


def test_grad_cam_has_no_unit_and_its_strongest_place_the_full_colour() -> None:
    assert opacity("grad_cam", 0.0004) == explanation.MOST_OPAQUE
    assert opacity("grad_cam", 0.0) == 0
