"""Damaged folders of every kind: each is read or refused in a sentence, beside a good neighbour."""

import itertools
from collections.abc import Iterator

import pytest

from tests.core import malformed_folders
from tests.core.malformed_folders import KINDS, Home


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Whole folders of every kind."""
    return malformed_folders.make(tmp_path_factory.mktemp("home"))


def _broken(found: Iterator[malformed_folders.Case], count: int) -> tuple[list[str], int, int]:
    told, read, refused = [], 0, 0
    for case in itertools.islice(found, count):
        read, refused = read + case.read, refused + case.refused
        told += [f"{case.kind}, {case.what}: {wrong}" for wrong in case.wrong]
    return told, read, refused


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_folders_are_read_or_refused(home: Home, kind: str) -> None:
    told, read, refused = _broken(malformed_folders.cases(home, 0, (kind,)), 40)
    assert told == []
    assert read > 0 < refused  # some of the damage hurts nobody; some is refused


@pytest.mark.slow
def test_hundreds_more_damaged_folders_are_read_or_refused(home: Home) -> None:
    told, _, _ = _broken(malformed_folders.cases(home, 21), 300)  # 3,000: the benchmark
    assert told == []
