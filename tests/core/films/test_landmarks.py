"""Landmarks: their bytes, mirror images, and how two films agree."""

import cv2
import numpy as np
import pytest
from PIL import Image

from fracture_core.films import agreement, landmarks
from fracture_core.films.landmarks import Landmarks
from fracture_core.phantom.drawing import draw
from fracture_core.phantom.study_plan import Study, films
from tests.core.audit.test_findings import film

RIGHT, LITTLE = "turned by 90°", "cropped, moved or changed a little"


def test_landmarks_survive_as_bytes() -> None:
    marks = landmarks.find(landmarks.picture(film(1, (200, 250))))
    again = Landmarks.from_bytes(marks.to_bytes())
    assert landmarks.LEAST < len(marks.points) <= landmarks.LANDMARKS
    np.testing.assert_allclose(again.points, marks.points, atol=0.1)
    np.testing.assert_array_equal(again.descriptors, marks.descriptors)
    with pytest.raises(ValueError):
        Landmarks.from_bytes(b"123")


def test_mirrored_descriptors_are_those_of_the_mirrored_film() -> None:
    picture = landmarks.picture(film(1, (200, 250)))
    marks = landmarks.find(picture)
    flipped = landmarks.find(
        landmarks.Picture(
            grey=np.ascontiguousarray(picture.grey[:, ::-1]),
            film=np.ascontiguousarray(picture.film[:, ::-1]),
        )
    )
    likeness = landmarks.mirrored(flipped.directions) @ marks.directions.T
    assert np.median(likeness.max(axis=1)) > 0.99


@pytest.mark.parametrize(
    ("change", "mirror", "words"),
    [
        (lambda film: film, False, LITTLE),
        (lambda film: film.rotate(40, Image.Resampling.BICUBIC), False, "turned by 40°"),
        (
            lambda film: film.transpose(Image.Transpose.TRANSPOSE),
            True,
            f"mirrored and {RIGHT}",
        ),
        (lambda film: film.crop((20, 25, 180, 225)), False, LITTLE),
    ],
)
def test_a_copy_agrees_and_its_change_has_words(change, mirror: bool, words: str) -> None:
    original = film(1, (200, 250))
    one, other = (landmarks.picture(each) for each in (original, change(original)))
    matrix = landmarks.alignment(landmarks.find(one), landmarks.find(other), mirror)
    assert matrix is not None
    compared = agreement.compare(one, other, matrix)
    assert agreement.is_copy(compared)
    assert agreement.change(compared) == words
    coarse = agreement.coarse(one), agreement.coarse(other)
    assert agreement.may_be_copies(*coarse, matrix)
    assert agreement.may_be_copies(*coarse[::-1], cv2.invertAffineTransform(matrix))


def test_tones_of_another_film_rule_a_copy_out_wherever_it_is_laid() -> None:
    one, other = (agreement.coarse(landmarks.picture(film(seed, (200, 250)))) for seed in (1, 2))
    for scale in (0.8, 1.0, 1.2):
        matrix = np.array([[scale, 0.0, 3.0], [0.0, scale, -2.0]])
        assert not agreement.may_be_copies(one, other, matrix)
    aside = np.array([[1.0, 0.0, 190.0], [0.0, 1.0, 0.0]])
    assert agreement.may_be_copies(one, other, aside)  # too little in common to decide


def test_another_film_does_not_agree() -> None:
    one, other = (landmarks.picture(film(seed, (200, 250))) for seed in (1, 2))
    marks = landmarks.find(one), landmarks.find(other)
    assert all(len(each.points) > 10 for each in marks)
    for mirror in (False, True):
        matrix = landmarks.alignment(*marks, mirror)
        assert matrix is None or not agreement.is_copy(agreement.compare(one, other, matrix))


def phantom(index: int, patient: int, part: str, view: int) -> Image.Image:
    """Draw a film of the default phantom set."""
    study = Study(index=index, patient=patient, part=part, number=1, kind=None, split="train")
    picture = draw(films(study, 0)[view].scene)
    picture.thumbnail((224, 224), Image.Resampling.BOX)
    return picture


@pytest.mark.parametrize(
    ("one", "other", "of_one_patient"),
    [
        ((114, 95, "finger", 1), (122, 103, "finger", 1), False),
        ((570, 492, "hand", 0), (179, 150, "hand", 0), False),
        ((815, 702, "hand", 3), (815, 702, "hand", 0), True),
    ],
    ids=["two fingers", "two hands", "two exposures of a hand"],
)
def test_the_most_alike_of_two_thousand_phantoms_are_told_apart(
    one: tuple[int, int, str, int], other: tuple[int, int, str, int], of_one_patient: bool
) -> None:
    first, second = phantom(*one), phantom(*other)
    turned = first.rotate(25, Image.Resampling.BICUBIC)
    for shown, is_copy in ((second, False), (turned, True)):
        pictures = landmarks.picture(first), landmarks.picture(shown)
        marks = [landmarks.find(each) for each in pictures]
        matrix = landmarks.alignment(marks[0], marks[1], False)
        assert matrix is not None
        compared = agreement.compare(*pictures, matrix)
        assert compared.likeness > 0.8
        assert agreement.is_copy(compared, of_one_patient and not is_copy) == is_copy
