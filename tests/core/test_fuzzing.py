"""Malformed files of every kind: each is read or refused in a sentence, and no more."""

import itertools
from pathlib import Path

import pytest

from fracture_core.study_sorting.upload_files import File
from tests.core import malformed


@pytest.mark.parametrize("kind", malformed.WHOLE)
def test_a_whole_file_of_each_kind_is_read(kind: str) -> None:
    assert malformed.read(File(name=f"film.{kind}", content=malformed.WHOLE[kind]())) > 0


@pytest.mark.parametrize("seed", range(6))
def test_malformed_files_are_read_or_refused(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for file in itertools.islice(malformed.files(seed), 100):
        malformed.read(file)
    assert not list(tmp_path.iterdir())  # nothing was unpacked here


@pytest.mark.slow
def test_thousands_of_malformed_files_are_read_or_refused() -> None:
    files = itertools.islice(malformed.files(99), 3_000)
    read = sum(bool(malformed.read(file)) for file in files)
    assert 0 < read < 3_000  # some of the damage does no harm; most of it is refused
