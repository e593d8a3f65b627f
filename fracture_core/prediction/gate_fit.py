"""Fitting a gate: means and covariance of the training films, the limit from the dev films."""

import numpy as np

from fracture_core.errors import DataError
from fracture_core.prediction.gate import Gate, to_nearest, whiten

FALSE_REFUSAL = 0.02  # share of dev films that may be doubted: one study in twenty, of 2.5 films
FEWEST = 20  # training films, below which a covariance cannot be estimated
KEPT_BYTES = 400_000  # of stored training features: a released model stays below 5 MB
FOLDS = 5
FARTHEST = 6e4  # clip of a whitened feature to float16; training films have values near 1


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
    _check(features)
    values = features.astype(np.float64)
    part_names, means, centre, whitener = _statistics(values, parts)
    distances = to_nearest(whiten(dev, centre, whitener), means)
    origin = "dev"
    if len(distances) < np.ceil(1 / FALSE_REFUSAL) - 1:
        origin = "dev and train" if len(distances) else "train"
        distances = np.concatenate([distances, _cross_validated(values, parts, patients)])
    rows = _sample(len(values), KEPT_BYTES // (2 * values.shape[1]))
    return Gate(
        limit=_limit(distances),
        false_refusal=FALSE_REFUSAL,
        calibrated_on=len(distances),
        calibrated_with=origin,
        fitted_on=len(values),
        parts=part_names,
        means=means,
        centre=centre,
        whitener=whitener,
        films=np.clip(whiten(values[rows], centre, whitener), -FARTHEST, FARTHEST).astype(
            np.float16
        ),
        paths=tuple(str(path) for path in np.asarray(paths)[rows]),
    )


def _check(features: np.ndarray) -> None:
    """Refuse training films that are too few, or alike to the network."""
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


def _limit(distances: np.ndarray) -> float:
    """Return the limit beyond which the stated share of films like these lies."""
    # The rank that keeps the share for a new film (Vovk et al. 2005); few films: the greatest.
    rank = min(len(distances), int(np.ceil((len(distances) + 1) * (1 - FALSE_REFUSAL))))
    return float(np.sort(distances)[rank - 1])


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
    return tuple(names), whiten(means, centre, whitener).astype(np.float32), centre, whitener


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
            distances.append(to_nearest(whiten(values[out], centre, whitener), means))
    return np.concatenate(distances) if distances else np.empty(0)


def _sample(count: int, most: int) -> np.ndarray:
    """Return at most `most` of `count` rows, in order; a fixed random choice."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.Generator(np.random.Philox(0)).permutation(count)[:most])
