"""Gate of a model: the distance of a film to the training films, in the network's features.

Features are the means of every map of every convolution block, whitened (Lee et al. 2018, with
Ledoit and Wolf's covariance). A film's distance is that to the nearest mean of a body part; it is
doubted beyond a limit that a small, stated share of the dev films exceeds. The penultimate layer
alone, which carries little but the label, separates unlike films far less well (docs/gate.md).

A gate is stored as plain arrays, `gate.npz`, and read without pickle.
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
FEWEST = 20  # training films, below which a covariance cannot be estimated
KEPT_BYTES = 400_000  # of stored training features: a released model stays below 5 MB
FOLDS = 5
FARTHEST = 6e4  # clip of a whitened feature to float16; training films have values near 1
NEAREST = 3  # training films shown beside a doubted film


@dataclass(frozen=True, kw_only=True)
class Gate:
    """Statistics of a network's training films, and the limit beyond which a film is doubted.

    Args:
        limit: the greatest distance without a doubt.
        false_refusal: intended share of the calibration films beyond the limit.
        calibrated_on: number of calibration films.
        calibrated_with: "dev", "dev and train" or "train", see `fit`.
        fitted_on: number of training films behind means and covariance.
        parts: body parts, in the order of `means`.
        means: float32 (parts, d), of the whitened features.
        centre: float32 (d,), mean features of the training films.
        whitener: float32 (d, d); a film's features less `centre`, times it, are whitened.
        films: float16 (n, d), whitened features of training films, to show the nearest ones.
        paths: of these films, relative to the root of the training data.
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
        """Return distances to the nearest part's mean (Mahalanobis): float32 (n, d) to (n,)."""
        return _to_nearest(self.whitened(features), self.means)

    def whitened(self, features: np.ndarray) -> np.ndarray:
        """Return the whitened features of films: float32 (n, d) or (d,) to float64.

        Film by film: in one product of all, the last bits of a film depend on its place on some
        processors.
        """
        rows = (_whiten(row, self.centre, self.whitener) for row in np.atleast_2d(features))
        return np.array(list(rows), np.float64).reshape(*features.shape[:-1], len(self.centre))

    def check(self, distance: float) -> Check:
        """Return the check of a film at this distance."""
        whose = "the nearest body part's" if len(self.parts) > 1 else "the"
        words = (
            f"It lies {distance:.1f} from the mean of {whose} training films in the network's own "
            f"features, limit {self.limit:.1f}: it is unlike all training films."
        )
        doubt = words if distance > self.limit else ""
        return Check(name="distance", value=distance, limit=self.limit, doubt=doubt)

    @cached_property
    def _films(self) -> np.ndarray:
        """`films` as float32, which is faster to compute with."""
        return self.films.astype(np.float32)

    def nearest(self, features: np.ndarray, count: int = NEAREST) -> tuple[NearestFilm, ...]:
        """Return the training films nearest to one film's features, float32 (d,), nearest first."""
        away = np.linalg.norm(self.whitened(features).astype(np.float32) - self._films, axis=1)
        order = np.argsort(away, kind="stable")[:count]
        return tuple(NearestFilm(path=self.paths[n], distance=float(away[n])) for n in order)

    def facts(self) -> dict[str, Any]:
        """Return the facts about the gate for a card."""
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
    """Return a function for probabilities and features in one pass; the caller compiles it.

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

    def predict(films: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        probability, *maps = both(films, training=False)
        features = [tf.reduce_mean(each, axis=(1, 2)) for each in maps]
        return probability[:, 0], tf.concat(features, axis=-1)

    return predict


# --- fitting ------------------------------------------------------------------------------------


def fit(
    features: np.ndarray,
    parts: np.ndarray,
    patients: np.ndarray,
    paths: np.ndarray,
    dev: np.ndarray,
) -> Gate:
    """Fit a network's gate.

    The limit is calibrated on the dev films. Where they are too few for the stated share, the
    training films are added, each fifth of the patients measured by a fit on the others.

    Args:
        features: float32 (n, d), of training films.
        parts: (n,), their body parts.
        patients: (n,), their patients.
        paths: (n,), relative to the root of the data set.
        dev: float32 (m, d), of dev films; m may be 0.

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
            "A gate needs training films that the network can tell apart; the features of these "
            "are all the same, or not finite. Train further, or on other films."
        )
    values = features.astype(np.float64)
    part_names, means, centre, whitener = _statistics(values, parts)
    distances = _to_nearest(_whiten(dev, centre, whitener), means)
    origin = "dev"
    if len(distances) < np.ceil(1 / FALSE_REFUSAL) - 1:
        origin = "dev and train" if len(distances) else "train"
        distances = np.concatenate([distances, _cross_validated(values, parts, patients)])
    # The rank that keeps the share for a new film (Vovk et al. 2005); few films: the greatest.
    rank = min(len(distances), int(np.ceil((len(distances) + 1) * (1 - FALSE_REFUSAL))))
    rows = _sample(len(values), KEPT_BYTES // (2 * values.shape[1]))
    return Gate(
        limit=float(np.sort(distances)[rank - 1]),
        false_refusal=FALSE_REFUSAL,
        calibrated_on=len(distances),
        calibrated_with=origin,
        fitted_on=len(values),
        parts=part_names,
        means=means,
        centre=centre,
        whitener=whitener,
        films=np.clip(_whiten(values[rows], centre, whitener), -FARTHEST, FARTHEST).astype(
            np.float16
        ),
        paths=tuple(str(path) for path in np.asarray(paths)[rows]),
    )


def _whiten(features: np.ndarray, centre: np.ndarray, whitener: np.ndarray) -> np.ndarray:
    # Centred first: a map with little variation about a large mean would be lost in rounding.
    whitened: np.ndarray = (features.astype(np.float64) - centre) @ whitener
    return whitened


def _statistics(
    values: np.ndarray, parts: np.ndarray
) -> tuple[tuple[str, ...], np.ndarray, np.ndarray, np.ndarray]:
    """Return parts, their whitened means, centre and whitener; all parts share one covariance."""
    from sklearn.covariance import LedoitWolf

    names = sorted(set(parts.tolist()))
    means = np.stack([values[parts == part].mean(axis=0) for part in names])
    residuals = values - means[[names.index(part) for part in parts]]
    # A map that is dead on all training films counts much where it is active, but not unbounded.
    scale = np.maximum(residuals.std(axis=0), 1e-3 * residuals.std() + 1e-9)
    covariance = LedoitWolf(assume_centered=True).fit(residuals / scale).covariance_
    try:
        root = np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError as error:
        raise DataError(
            "A gate needs training films that the network can tell apart; within a body part the "
            "features of these are all the same. Train further, or on other films."
        ) from error
    whitener = (np.linalg.inv(root).T / scale[:, None]).astype(np.float32)
    centre = values.mean(axis=0).astype(np.float32)
    return tuple(names), _whiten(means, centre, whitener).astype(np.float32), centre, whitener


def _cross_validated(values: np.ndarray, parts: np.ndarray, patients: np.ndarray) -> np.ndarray:
    """Return distances of training films, each by a fit without its patient, float64."""
    names = np.unique(patients)
    order = np.random.Generator(np.random.Philox(0)).permutation(len(names))
    fold = (order % FOLDS)[np.searchsorted(names, patients)]
    distances = []
    for number in range(FOLDS):
        out = fold == number
        if out.any() and not out.all():
            _, means, centre, whitener = _statistics(values[~out], parts[~out])
            distances.append(_to_nearest(_whiten(values[out], centre, whitener), means))
    return np.concatenate(distances) if distances else np.empty(0)


def _to_nearest(whitened: np.ndarray, means: np.ndarray) -> np.ndarray:
    if not len(whitened):
        return np.empty(0)
    distances = [np.linalg.norm(whitened - mean, axis=1) for mean in means.astype(np.float64)]
    nearest: np.ndarray = np.min(distances, axis=0)
    return nearest


def _sample(count: int, most: int) -> np.ndarray:
    """Return at most `most` of `count` rows, in order; a fixed random choice."""
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
    """Return the content of a `gate.npz`: compressed plain arrays, equal bytes for equal gates."""
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
    """Read the gate in a `gate.npz`.

    Args:
        source: the file's path, or its content.
        width: number of the network's features; not compared if left out.

    Raises:
        ModelError: it cannot be read, is no gate, or belongs to another network.
    """
    try:
        with file_reader.arrays(source, GATE_BYTES) as stored:
            content = {name: stored[name] for name in stored.files}
        if int(content["version"]) != GATE_VERSION:
            raise ValueError(
                f"it is of version {content['version']}, this program reads {GATE_VERSION}"
            )
        fields: dict[str, Any] = {name: content[name].item() for name in _SCALARS}
        fields |= {name: content[name].astype(kind, copy=False) for name, kind in _ARRAYS.items()}
        gate = Gate(
            **fields,
            parts=tuple(content["parts"].tolist()),
            paths=tuple(content["paths"].tolist()),
        )
        _check_scalars(gate)
        width = gate.whitener.shape[0] if width is None else width
        arrays = (gate.means, gate.centre, gate.whitener, gate.films)
        shapes = tuple(values.shape for values in arrays)
        expected = ((len(gate.parts), width), (width,), (width, width), (len(gate.paths), width))
        if shapes != expected:
            raise ValueError(f"its arrays have the shapes {shapes}, the network has {width} maps")
        if not all(np.isfinite(getattr(gate, name)).all() for name in (*_ARRAYS, "limit")):
            raise ValueError("it holds values that are not finite")
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
