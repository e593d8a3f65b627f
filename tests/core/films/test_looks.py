"""Looks: bits that find films which look almost the same, and the small copies that decide."""

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from fracture_core.audit import families
from fracture_core.films import looks
from fracture_core.phantom.drawing import draw
from fracture_core.phantom.study_plan import Study, films

BOX = Image.Resampling.BOX


def test_looks_alike_are_those_that_differ_in_few_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks, "_TILE", (4, 8))  # several tiles, of which some are cut off
    random = np.random.default_rng(0)
    bits = random.integers(0, 2, (3, 256))[random.integers(0, 3, 37)]
    bits ^= random.random(bits.shape) < 0.04
    words = np.packbits(bits, axis=1).view(np.uint64)
    apart = (bits[:, None] != bits[None]).sum(axis=2)
    expected = {tuple(pair) for pair in np.argwhere(apart <= 16) if pair[0] < pair[1]}
    pairs = {(one, other) for one, others in looks.alike(words, 16) for other in others}
    assert 0 < len(expected) < 36 * 37 / 2 / 3 and pairs == expected


def small(film: Image.Image) -> bytes:
    return film.resize(looks.SIZE, BOX).tobytes()


def elbow(index: int, patient: int, kind: str | None) -> Image.Image:
    study = Study(index=index, patient=patient, part="elbow", number=1, kind=kind, split="train")
    return draw(films(study, 0)[0].scene)


def test_copies_are_liker_than_two_elbows_of_one_pose() -> None:
    film, other = elbow(12, 12, "hairline"), elbow(656, 571, None)
    pixels = [np.asarray(each.resize(looks.SIZE, BOX)) for each in (film, other)]
    words = looks.as_words([looks.look(each) for each in pixels])
    assert next(looks.alike(words, families.NEAR_BITS))[1].tolist() == [1]
    likeness = looks.likeness(small(film), small(other))
    assert 0.98 < likeness < families.NEAR_LIKENESS
    copies = film.resize((113, 120)), ImageEnhance.Brightness(film).enhance(1.3)
    for copy in copies:
        assert looks.likeness(small(film), small(copy)) >= families.NEAR_LIKENESS


def test_a_uniformly_grey_film_is_like_nothing() -> None:
    grey = Image.new("L", looks.SIZE, 90)
    assert looks.likeness(small(grey), small(grey)) == 0
    assert looks.likeness(small(grey), small(Image.linear_gradient("L"))) == 0
