"""Batches of whole studies: every one once a pass, no step empty, the same at every call."""

import numpy as np
import pytest

from fracture_core.config.train_config import TrainConfig
from fracture_core.training_films import study_batches
from fracture_core.training_films.pipeline import Pipeline

LENGTHS = {  # films of each study
    "as in MURA": [3, 1, 14, 2, 2, 4, 3, 1, 3, 2, 5, 3],
    "one film each": [1] * 23,
    "as long as a batch": [10] * 4,
    "longer than a batch": [25, 2, 3, 40, 1],
    "a single study": [7],
}


def studies_of(lengths: list[int], seed: int = 0) -> np.ndarray:
    """The number of each film's study; its films lie apart."""
    return np.random.default_rng(seed).permutation(np.repeat(np.arange(len(lengths)), lengths))


@pytest.mark.parametrize("name", LENGTHS)
@pytest.mark.parametrize("batch_size", [1, 4, 10, 64])
def test_a_pass_shows_every_study_whole_and_once_and_leaves_no_step_empty(name, batch_size) -> None:
    studies = studies_of(LENGTHS[name])
    for number in range(5):
        random = np.random.default_rng(number)
        rows, ends = study_batches.draw(studies, batch_size, random)
        assert len(np.unique(rows)) == len(rows) == study_batches.shown(studies, batch_size)
        lengths = np.bincount(studies[rows], minlength=len(LENGTHS[name]))
        assert lengths.tolist() == [min(n, batch_size) for n in LENGTHS[name]]
        sizes = np.diff(ends, prepend=0)
        assert len(ends) == -(-len(rows) // batch_size) and ends[-1] == len(rows)
        assert sizes.min() > 0 and sizes.max() < 2 * batch_size + (batch_size == 1)
        steps = np.repeat(np.arange(len(ends)), sizes)
        together = {(study, step) for study, step in zip(studies[rows], steps, strict=True)}
        assert len(together) == len(LENGTHS[name])  # none is split between two steps


def test_another_pass_draws_another_order_and_other_films_of_a_long_study() -> None:
    studies = studies_of(LENGTHS["longer than a batch"])
    drawn = [study_batches.draw(studies, 10, np.random.default_rng(n))[0] for n in range(2)]
    first, second = (set(rows[studies[rows] == 3].tolist()) for rows in drawn)
    assert len(first) == len(second) == 10 and first != second
    assert studies[drawn[0]].tolist() != studies[drawn[1]].tolist()


def numbered(lengths: list[int], **changes: object) -> Pipeline:
    """Films of studies with labels, each of which holds its number in every pixel."""
    studies = studies_of(lengths)
    pixels = np.arange(len(studies), dtype=np.uint8)[:, None, None].repeat(32, 1).repeat(32, 2)
    config = TrainConfig(data="x", learn_from="studies", **changes)
    return Pipeline(pixels=pixels, labels=studies % 2, config=config, studies=studies)


def test_a_step_depends_on_seed_and_number_and_not_on_what_was_asked_before() -> None:
    lengths = LENGTHS["as in MURA"]
    straight, jumping = numbered(lengths), numbered(lengths)
    whole = straight.chunk(0, 3 * straight.steps_a_pass)
    begins = [0, *whole.ends[:-1]]
    for step in (11, 3, 9, 0, 11):
        chunk, rows = jumping.chunk(step, 1), slice(begins[step], whole.ends[step])
        for name in ("films", "labels", "studies", "changes"):
            assert np.array_equal(getattr(chunk, name), getattr(whole, name)[rows])
        assert (chunk.numbers.tolist(), chunk.ends.tolist()) == ([step], [len(chunk.films)])
    other = numbered(lengths, seed=2).chunk(0, 5)
    assert other.films[:10, 0, 0].tolist() != whole.films[:10, 0, 0].tolist()


def test_films_of_a_step_carry_the_number_of_their_study_in_it() -> None:
    films = numbered(LENGTHS["as in MURA"])
    studies, chunk = studies_of(LENGTHS["as in MURA"]), films.chunk(0, films.steps_a_pass)
    begins, shown = [0, *chunk.ends[:-1]], 0
    for begin, end in zip(begins, chunk.ends, strict=True):
        mine, own = chunk.studies[begin:end], studies[chunk.films[begin:end, 0, 0]]
        assert mine[0] == 0 and set(np.diff(mine)) <= {0, 1}
        assert len({*zip(mine, own, strict=True)}) == mine[-1] + 1 == len({*own})
        assert np.array_equal(chunk.labels[begin:end], own % 2)
        shown += int(mine[-1]) + 1
    assert shown == chunk.studies_shown == len(LENGTHS["as in MURA"])


def test_where_labels_of_a_study_differ_its_first_films_counts() -> None:
    config = TrainConfig(data="x", learn_from="studies")
    studies, labels = np.array([0, 0, 1, 1]), np.array([1, 0, 0, 1])
    pixels = np.zeros((4, 32, 32), np.uint8)
    films = Pipeline(pixels=pixels, labels=labels, config=config, studies=studies)
    assert films.labels.tolist() == [1, 1, 0, 0]
    assert films.labels_of_losses.tolist() == [1, 0]


def test_a_run_that_learns_from_films_is_not_moved_by_their_studies() -> None:
    studies = studies_of(LENGTHS["as in MURA"])
    pixels = np.random.default_rng(0).integers(0, 256, (len(studies), 32, 32), np.uint8)
    chunks = [
        Pipeline(
            pixels=pixels, labels=studies % 2, config=TrainConfig(data="x"), studies=given
        ).chunk(0, 9)
        for given in (None, studies)
    ]
    for name in ("films", "labels", "studies", "changes", "ends"):
        assert np.array_equal(*(getattr(chunk, name) for chunk in chunks))
    assert chunks[0].studies_shown == len(chunks[0].films)
