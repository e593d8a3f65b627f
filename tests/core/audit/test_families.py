"""Families: names of copies, and films compared with their likeliest others only."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fracture_core.audit import candidates, families
from fracture_core.errors import Stopped
from fracture_core.films import measures
from tests.core.audit.test_findings import film


@pytest.mark.parametrize(
    "name",
    [
        "a/7-rotated2-rotated1 (1).jpg",
        "a/7-rotated3.png",
        "a/7 - Copy (2).jpg",
        "a/7_aug_3.png",
        "a/7_flip.png",
        "a/7.rf.0123456789abcdef01234567.jpg",
    ],
)
def test_names_of_copies_lead_to_their_original(name: str) -> None:
    assert candidates.stem(name) == candidates.stem("a/7.jpg")


@pytest.mark.parametrize("name", ["a/8.jpg", "a/71.jpg", "a/image2.png", "a/(1).jpg", "a/copy.png"])
def test_other_names_do_not(name: str) -> None:
    assert candidates.stem(name) != candidates.stem("a/7.jpg")
    assert candidates.stem(name)


def facts(root: Path, films: dict[str, Image.Image]) -> pd.DataFrame:
    for path, picture in films.items():
        picture.save(root / path)
    return measures.table(root, list(films), root / "facts")


@pytest.mark.parametrize("pairs", [candidates._PAIRS, 700, 1])
def test_copies_are_found_among_many_films(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pairs: int
) -> None:
    # Films are compared a block at a time, or singly.
    monkeypatch.setattr(candidates, "_PAIRS", pairs)
    films = {f"{number}.png": film(number, (160, 200)) for number in range(60)}
    assert len(films) > candidates.FEW
    films["turned.png"] = films["7.png"].rotate(200, Image.Resampling.BICUBIC)
    films["mirrored.png"] = films["31.png"].transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    table = facts(tmp_path, films)
    groups = families.find(tmp_path, table, [])
    names = [{table["path"][row] for row, _ in group} for group in groups]
    assert names == [{"7.png", "turned.png"}, {"31.png", "mirrored.png"}]


def test_films_without_a_landmark_have_no_family(tmp_path: Path) -> None:
    films = {f"{grey}.png": Image.new("L", (64, 64), grey) for grey in (0, 90, 255)}
    assert families.find(tmp_path, facts(tmp_path, films), []) == []


def test_comparing_can_be_stopped(tmp_path: Path) -> None:
    films = {f"{number}.png": film(number) for number in range(4)}
    table, compared = facts(tmp_path, films), []
    with pytest.raises(Stopped, match="2 of 4 films"):
        families.find(
            tmp_path, table, [], lambda done, _: compared.append(done), lambda: len(compared) > 1
        )


def test_a_film_that_is_gone_by_then_costs_only_itself(tmp_path: Path) -> None:
    original = film(1, (160, 200))
    films = {
        "a.png": original,
        "b.png": original.transpose(Image.Transpose.ROTATE_180),
        "c.png": original.transpose(Image.Transpose.ROTATE_90),
    }
    table = facts(tmp_path, films)
    (tmp_path / "b.png").write_bytes(b"")
    (group,) = families.find(tmp_path, table, [])
    assert [row for row, _ in group] == [0, 2]
    assert np.all(table["reason"] == "")
