"""Damaged folders of every kind: each is read or refused in a sentence, beside a good neighbour."""

import itertools
from collections.abc import Iterator

import pytest

from tests.core import malformed_folders
from tests.core.malformed_folders import KINDS, Home


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Return intact folders of every kind."""
    return malformed_folders.make(tmp_path_factory.mktemp("home"))


def _broken(cases: Iterator[malformed_folders.Case], count: int) -> tuple[list[str], int, int]:
    wrong, read, refused = [], 0, 0
    for case in itertools.islice(cases, count):
        read, refused = read + case.read, refused + case.refused
        wrong += [f"{case.kind}, {case.damage}: {error}" for error in case.wrong]
    return wrong, read, refused


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_damaged_folders_are_read_or_refused(home: Home, kind: str) -> None:
    wrong, read, refused = _broken(malformed_folders.cases(home, 0, (kind,)), 20)
    assert wrong == []
    assert read > 0 < refused  # some of the damage does no harm; some is refused


@pytest.mark.slow
def test_hundreds_more_damaged_folders_are_read_or_refused(home: Home) -> None:
    wrong, _, _ = _broken(malformed_folders.cases(home, 21), 150)  # 3,000: the benchmark
    assert wrong == []
