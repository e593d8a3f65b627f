"""How far a film lies from those that a network has learned from, in the network's own features.

Features are the means of every map of every convolution block, whitened (Lee et al. 2018, with
Ledoit and Wolf's covariance): a film's distance is that to the nearest mean of a body part. A film
is doubted beyond a limit that a small, stated share of the dev films passes. The penultimate layer
alone, which knows little but the label, tells films from others far less well (docs/gate.md).

A gate is kept as plain arrays, `gate.npz`, and read without pickle.
"""

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from fracture_core import file_reader
from fracture_core.errors import DataError, ModelError
from fracture_core.films.film_checks import Check
from fracture_core.models.cards import GATE_BYTES, GATE_VERSION
from fracture_core.models.study_prediction import NearestFilm
from fracture_core.networks import architectures

FALSE_REFUSAL = (
    0.02  # share of the dev films that may be doubted: one study in twenty, of 2.5 films
)
FEWEST = 20  # films, below which no covariance is worth its name
KEPT_BYTES = 400_000  # of training films' features: a released model stays below 5 MB
FOLDS = 5
FARTHEST = 6e4  # what float16 holds of a whitened feature; those of training films are near 1
NEAREST = 3  # training films that a doubt is shown beside


@dataclass(frozen=True, kw_only=True)
class Gate:
    """What is known of the films that a network has learned from.

    Args:
        limit: the greatest distance that makes no doubt.
        false_refusal: share of the films that set the limit which it was to leave beyond.
        calibrated_on: how many films set the limit.
        calibrated_with: "dev", "dev and train" or "train", see `fit`.
        fitted_on: how many training films the means and the covariance are from.
        parts: body parts, in the order of `means`.
        means: float32 (parts, d), of the whitened features.
        centre: float32 (d,), mean features of the training films.
        whitener: float32 (d, d); a film's features less `centre`, times it, are whitened.
        films: float16 (n, d), whitened features of training films, the nearest of which are shown.
        paths: of these, relative to the root of the training data.
    """

    limit: float
    false_refusal: float
    calibrated_on: int
    calibrated_with: str
    fitted_on: int
    parts: tuple[str, ...]
    means: np.ndarray = field(repr=False)
    centre: np.ndarray = field(repr=False)
    whitener: np.ndarray = field(repr=False)
    films: np.ndarray = field(repr=False)
    paths: tuple[str, ...] = field(repr=False)

    def distances(self, features: np.ndarray) -> np.ndarray:
        """Mahalanobis distance to the nearest part's mean: float32 (n, d) to float64 (n,)."""
        return _to_nearest(self.whitened(features), self.means)

    def whitened(self, features: np.ndarray) -> np.ndarray:
        """Features of films, float32 (n, d) or (d,), as they are compared: float64."""
        return _whiten(features, self.centre, self.whitener)

    def check(self, distance: float) -> Check:
        """The check of a film at this distance."""
        whose = "the nearest body part's" if len(self.parts) > 1 else "the"
        words = (
            f"It lies {distance:.1f} from the mean of {whose} training films in the network's own "
            f"features, limit {self.limit:.1f}: the model has seen nothing like it."
        )
        doubt = words if distance > self.limit else ""
        return Check(name="distance", value=distance, limit=self.limit, doubt=doubt)

    @cached_property
    def _films(self) -> np.ndarray:
        """As numbers that are quick to compute with."""
        return self.films.astype(np.float32)

    def nearest(self, features: np.ndarray, count: int = NEAREST) -> tuple[NearestFilm, ...]:
        """The nearest kept training films, nearest first, of one film's features, float32 (d,)."""
        away = np.linalg.norm(self.whitened(features).astype(np.float32) - self._films, axis=1)
        order = np.argsort(away, kind="stable")[:count]
        return tuple(NearestFilm(path=self.paths[n], distance=float(away[n])) for n in order)

    def facts(self) -> dict[str, Any]:
        """What a card says of its gate."""
        return {
            "version": GATE_VERSION,
            "limit": self.limit,
            "false_refusal": self.false_refusal,
            "calibrated_on": self.calibrated_on,
            "calibrated_with": self.calibrated_with,
            "fitted_on": self.fitted_on,
            "kept_films": len(self.paths),
        }


# --- features -----------------------------------------------------------------------------------


def with_features(network: keras.Model) -> Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    """Judging and features in one pass, to be compiled by who calls it.

    Returns:
        A function of films, float32 (n, size, size, 1) from 0 to 255, to probabilities, float32
        (n,), and features, float32 (n, d); d is 0 for an ensemble, which has no gate.
    """
    ends = [layer.output for layer in architectures.blocks(network)]
    if not ends:
        return lambda films: (
            network(films, training=False)[:, 0],
            tf.zeros((tf.shape(films)[0], 0)),
        )
    both = keras.Model(network.input, [network.output, *ends])

    def judge(films: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        probability, *maps = both(films, training=False)
        features = [tf.reduce_mean(each, axis=(1, 2)) for each in maps]
        return probability[:, 0], tf.concat(features, axis=-1)

    return judge


# --- fitting ------------------------------------------------------------------------------------


def fit(
    features: np.ndarray,
    parts: np.ndarray,
    patients: np.ndarray,
    paths: np.ndarray,
    dev: np.ndarray,
) -> Gate:
    """A gate for a network.

    The limit is set on the dev films. Where they are too few to leave the stated share beyond, it
    is set on the training films as well, each fifth of the patients measured by the others.

    Args:
        features: float32 (n, d), of training films.
        parts: (n,), their body parts.
        patients: (n,), whose they are.
        paths: (n,), relative to the root of the data set.
        dev: float32 (m, d), of films that were not learned from; there may be none.

    Raises:
        DataError: there are too few training films.
    """
    if len(features) < FEWEST:
        raise DataError(
            f"A gate is fitted on {FEWEST} training films or more; received {len(features)}. "
            "Train on more films."
        )
    if not np.isfinite(features).all() or not features.std(axis=0).any():
        raise DataError(
            "A gate needs training films that the network tells apart; to it these are all the "
            "same, or no numbers. Train further, or on other films."
        )
    values = features.astype(np.float64)
    known, means, centre, whitener = _fitted(values, parts)
    away = _to_nearest(_whiten(dev, centre, whitener), means)
    origin = "dev"
    if len(away) < np.ceil(1 / FALSE_REFUSAL) - 1:
        origin = "dev and train" if len(away) else "train"
        away = np.concatenate([away, _by_others(values, parts, patients)])
    # The rank that keeps the share for a fresh film (Vovk et al. 2005); few films: the greatest.
    rank = min(len(away), int(np.ceil((len(away) + 1) * (1 - FALSE_REFUSAL))))
    kept = _sample(len(values), KEPT_BYTES // (2 * values.shape[1]))
    return Gate(
        limit=float(np.sort(away)[rank - 1]),
        false_refusal=FALSE_REFUSAL,
        calibrated_on=len(away),
        calibrated_with=origin,
        fitted_on=len(values),
        parts=known,
        means=means,
        centre=centre,
        whitener=whitener,
        films=np.clip(_whiten(values[kept], centre, whitener), -FARTHEST, FARTHEST).astype(
            np.float16
        ),
        paths=tuple(str(path) for path in np.asarray(paths)[kept]),
    )


def _whiten(features: np.ndarray, centre: np.ndarray, whitener: np.ndarray) -> np.ndarray:
    # Centred first: a map that hardly varies about a large mean would drown in rounding.
    return (features.astype(np.float64) - centre) @ whitener


def _fitted(
    values: np.ndarray, parts: np.ndarray
) -> tuple[tuple[str, ...], np.ndarray, np.ndarray, np.ndarray]:
    """The parts, their whitened means, centre and whitener: all parts share one covariance."""
    from sklearn.covariance import LedoitWolf

    known = sorted(set(parts.tolist()))
    means = np.stack([values[parts == part].mean(axis=0) for part in known])
    about = values - means[[known.index(part) for part in parts]]
    # A map that is dead on all training films says much where it wakes; not without bound.
    scale = np.maximum(about.std(axis=0), 1e-3 * about.std() + 1e-9)
    covariance = LedoitWolf(assume_centered=True).fit(about / scale).covariance_
    try:
        root = np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError as error:
        raise DataError(
            "A gate needs training films that the network tells apart; within a body part these "
            "are all the same to it. Train further, or on other films."
        ) from error
    whitener = (np.linalg.inv(root).T / scale[:, None]).astype(np.float32)
    centre = values.mean(axis=0).astype(np.float32)
    return tuple(known), _whiten(means, centre, whitener).astype(np.float32), centre, whitener


def _by_others(values: np.ndarray, parts: np.ndarray, patients: np.ndarray) -> np.ndarray:
    """Distances of training films by what was fitted without their patients, float64."""
    names = np.unique(patients)
    order = np.random.Generator(np.random.Philox(0)).permutation(len(names))
    fold = (order % FOLDS)[np.searchsorted(names, patients)]
    found = []
    for number in range(FOLDS):
        out = fold == number
        if out.any() and not out.all():
            _, means, centre, whitener = _fitted(values[~out], parts[~out])
            found.append(_to_nearest(_whiten(values[out], centre, whitener), means))
    return np.concatenate(found) if found else np.empty(0)


def _to_nearest(whitened: np.ndarray, means: np.ndarray) -> np.ndarray:
    if not len(whitened):
        return np.empty(0)
    apart = [np.linalg.norm(whitened - mean, axis=1) for mean in means.astype(np.float64)]
    return np.min(apart, axis=0)


def _sample(count: int, most: int) -> np.ndarray:
    """At most `most` of `count` rows, in order; the same each time."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.Generator(np.random.Philox(0)).permutation(count)[:most])


# --- on disk ------------------------------------------------------------------------------------

_SCALARS = ("limit", "false_refusal", "calibrated_on", "calibrated_with", "fitted_on")
_ARRAYS = {
    "means": np.float32,
    "centre": np.float32,
    "whitener": np.float32,
    "films": np.float16,
}


def to_bytes(gate: Gate) -> bytes:
    """The content of a `gate.npz`: plain arrays, compressed; the same bytes for the same gate."""
    arrays = {name: np.asarray(getattr(gate, name)) for name in (*_SCALARS, *_ARRAYS)}
    arrays |= {"parts": np.array(gate.parts, str), "paths": np.array(gate.paths, str)}
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, values in (arrays | {"version": np.asarray(GATE_VERSION)}).items():
            array = io.BytesIO()
            np.lib.format.write_array(array, values, allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy")  # without the time of day
            archive.writestr(entry, array.getvalue(), zipfile.ZIP_DEFLATED)
    return content.getvalue()


def read(source: Path | bytes, width: int | None = None) -> Gate:
    """The gate in a `gate.npz`.

    Args:
        source: the file's path, or its content.
        width: features that the network has; not compared if left out.

    Raises:
        ModelError: it cannot be read, holds something else, or is another network's.
    """
    try:
        with file_reader.arrays(source, GATE_BYTES) as stored:
            found = {name: stored[name] for name in stored.files}
        if int(found["version"]) != GATE_VERSION:
            raise ValueError(
                f"it is of version {found['version']}, this program reads {GATE_VERSION}"
            )
        gate = Gate(
            **{name: found[name].item() for name in _SCALARS},
            **{name: found[name].astype(kind, copy=False) for name, kind in _ARRAYS.items()},
            parts=tuple(found["parts"].tolist()),
            paths=tuple(found["paths"].tolist()),
        )
        _check_scalars(gate)
        width = gate.whitener.shape[0] if width is None else width
        arrays = (gate.means, gate.centre, gate.whitener, gate.films)
        shapes = tuple(values.shape for values in arrays)
        expected = ((len(gate.parts), width), (width,), (width, width), (len(gate.paths), width))
        if shapes != expected:
            raise ValueError(f"its arrays have the shapes {shapes}, the network has {width} maps")
        if not all(np.isfinite(getattr(gate, name)).all() for name in (*_ARRAYS, "limit")):
            raise ValueError("it holds values that are no numbers")
    except Exception as error:  # readers of damaged zips and headers raise many kinds
        raise ModelError(
            f"The model's gate cannot be used ({error}). Release the model again."
        ) from error
    return gate


def _check_scalars(gate: Gate) -> None:
    counts = (gate.calibrated_on, gate.fitted_on)
    shares = isinstance(gate.limit, float) and isinstance(gate.false_refusal, float)
    if not (
        shares
        and 0 < gate.limit < np.inf
        and 0 <= gate.false_refusal <= 1
        and all(type(count) is int and count >= 0 for count in counts)
        and isinstance(gate.calibrated_with, str)
    ):
        raise ValueError("its limit or counts are out of range")
