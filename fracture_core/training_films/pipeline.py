"""Pipeline of a run's films: the batch of every training step.

A step's batch is a function of (seed, step): a pass shuffles all training films, a step takes the
next `batch_size` of them, and the last step of a pass takes the rest; or it takes whole studies,
see `study_batches`. So any step can be computed without those before it.
"""

from dataclasses import InitVar, dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd

from fracture_core.config.train_config import TrainConfig
from fracture_core.datasets import catalog
from fracture_core.networks.augmentation import draw
from fracture_core.training_films import mixup, study_batches

STREAM = 0  # see `augmentation.STREAM`


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """Input of some consecutive training steps.

    Args:
        films: uint8 (n, size, size), those of the first step, then those of the next step.
        labels: float32 (n,), 0 or 1; between them where films are mixed.
        studies: int32 (n,), the number of each film's study in its step, from 0; where a run learns
            from films, each is a study of its own.
        changes: float32 (n, 10), see `augmentation.draw`.
        partners: int32 (n,), index of the film that each is mixed with after its change.
        shares: float32 (n,), the share that each keeps then, 0.5 to 1; 1 where nothing is mixed.
        ends: int32 (steps,), end index of each step's films.
        numbers: int64 (steps,), each step's number since the run began, from 0.
    """

    films: np.ndarray
    labels: np.ndarray
    studies: np.ndarray
    changes: np.ndarray
    partners: np.ndarray
    shares: np.ndarray
    ends: np.ndarray
    numbers: np.ndarray

    @property
    def studies_shown(self) -> int:
        """Studies in all steps, each step counted for itself."""
        return int((self.studies[self.ends - 1] + 1).sum())


class _Pass(NamedTuple):
    """Rows of the films of a pass in order, the end of each step among them, and their changes."""

    rows: np.ndarray
    ends: np.ndarray
    changes: np.ndarray
    mix: mixup.Mix


class _Batch(NamedTuple):
    """Films of a step: rows, changes, numbers of their studies in it, partners in it, shares."""

    rows: np.ndarray
    changes: np.ndarray
    studies: np.ndarray
    partners: np.ndarray
    shares: np.ndarray


@dataclass
class Pipeline:
    """Training films by step.

    Args:
        pixels: uint8 (n, size, size), from the pixel cache.
        labels: (n,), 0 or 1; where the run learns from studies, a study has its first film's.
        config: for seed, batch size, augmentation, mixup, the length of an epoch, and whether the
            run learns from films or from studies.
        studies: (n,), the number of each film's study, see `catalog.study_numbers`; by default,
            and where the run learns from films, each film is one.
    """

    pixels: np.ndarray
    labels: np.ndarray
    config: TrainConfig
    studies: InitVar[np.ndarray | None] = None
    _study: np.ndarray = field(init=False)
    _pass: tuple[int, _Pass] | None = field(default=None, init=False)

    def __post_init__(self, studies: np.ndarray | None) -> None:
        if studies is None or not self.config.study_pooling:
            studies = np.arange(len(self.labels))
        first = np.unique(studies, return_index=True)[1]
        self._study, self.labels = studies, self.labels[first][studies]

    @classmethod
    def of_films(cls, films: pd.DataFrame, pixels: np.ndarray, config: TrainConfig) -> "Pipeline":
        """Return the pipeline of some films.

        Args:
            films: manifest columns.
            pixels: uint8 (n, size, size), theirs.
            config: of the run.
        """
        labels = films["label"].to_numpy()
        numbers = catalog.study_numbers(films)
        return cls(pixels=pixels, labels=labels, config=config, studies=numbers)

    @property
    def labels_of_losses(self) -> np.ndarray:
        """Label of each film, or of each study where the run learns from studies: (losses,)."""
        labels: np.ndarray = self.labels[np.unique(self._study, return_index=True)[1]]
        return labels

    @cached_property
    def steps_a_pass(self) -> int:
        """Steps to show every training film once."""
        size = self.config.batch_size
        return -(-study_batches.shown(self._study, size) // size)

    @property
    def steps_an_epoch(self) -> int:
        """Steps of an epoch."""
        return self.config.steps_per_epoch or self.steps_a_pass

    def chunk(self, first: int, count: int) -> Chunk:
        """Return the input of `count` steps from `first` on, counted from 0 since the run began."""
        numbers = np.arange(first, first + count)
        batches = [self._batch(int(step)) for step in numbers]
        joined = _Batch(*(np.concatenate(parts) for parts in zip(*batches, strict=True)))
        lengths = [len(each.rows) for each in batches]
        ends = np.cumsum(lengths)
        partners = joined.partners + np.repeat(ends - lengths, lengths)
        labels, shares = self.labels[joined.rows], joined.shares.astype(np.float64)
        return Chunk(
            films=self.pixels[joined.rows],
            labels=(shares * labels + (1 - shares) * labels[partners]).astype(np.float32),
            studies=joined.studies,
            changes=joined.changes,
            partners=partners.astype(np.int32),
            shares=joined.shares,
            ends=ends.astype(np.int32),
            numbers=numbers.astype(np.int64),
        )

    def _batch(self, step: int) -> _Batch:
        number, position = divmod(step, self.steps_a_pass)
        drawn = self._drawn(number)
        begin = drawn.ends[position - 1] if position else 0
        films = slice(begin, drawn.ends[position])
        rows = drawn.rows[films]
        new = np.diff(self._study[rows], prepend=self._study[rows[0]]) != 0
        return _Batch(
            rows,
            drawn.changes[films],
            np.cumsum(new, dtype=np.int32),
            drawn.mix.partners[films] - begin,
            drawn.mix.shares[films],
        )

    def _drawn(self, number: int) -> _Pass:
        """Return a pass; the current one is cached."""
        if self._pass is None or self._pass[0] != number:
            config = self.config
            if config.study_pooling:
                random = _random(config.seed, number)
                rows, ends = study_batches.draw(self._study, config.batch_size, random)
            else:
                rows, size = order(len(self.labels), config.seed, number), config.batch_size
                ends = np.minimum(np.arange(1, self.steps_a_pass + 1) * size, len(rows))
            size = config.recipe.size
            changes = draw(config.augmentation, size, len(rows), config.seed, number)
            mix = mixup.draw(config.mixup, ends, config.seed, number)
            self._pass = number, _Pass(rows, ends, changes, mix)
        return self._pass[1]


def order(count: int, seed: int, number: int) -> np.ndarray:
    """Return the rows of `count` training films in the order of a pass, counted from 0."""
    return _random(seed, number).permutation(count)


def _random(seed: int, number: int) -> np.random.Generator:
    """Return the random numbers of a pass's order."""
    return np.random.Generator(np.random.Philox(key=[seed, number * 2 + STREAM]))
