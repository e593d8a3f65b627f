"""Map of all films: their features in two dimensions, so that films alike lie side by side.

Principal components, then t-SNE (van der Maaten and Hinton 2008) with interpolated forces
(Linderman et al. 2019), from openTSNE: it reports every few iterations, and so can be stopped.
"""

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from fracture_core import checksums, file_reader
from fracture_core.errors import DamagedFile, FileRefused, Stopped
from fracture_core.neighbours.film_features import FilmFeatures

FILE = "map.npy"
COMPONENTS = 30  # principal components that t-SNE starts from
NEIGHBOURS = 30  # perplexity: about how many films count as near
EARLY, LATER = 250, 500  # iterations
EVERY = 10  # iterations between two reports
FEWEST = 8  # films, below which the principal components are the map


def make(
    features: FilmFeatures,
    progress: Callable[[int, int], None] = lambda done, total: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> np.ndarray:
    """Return the place of each film, float32 (n, 2), 0 to 1; NaN for unreadable films.

    Args:
        features: of the films.
        progress: called with (iterations done, all of them).
        should_stop: called every few iterations.

    Raises:
        Stopped: `should_stop` returned true.
    """
    values = features.values[features.readable]
    axes = _components(values)
    films = len(values)
    places = axes[:, :2] if films < FEWEST else _embedded(axes, progress, should_stop)
    low, reach = places.min(axis=0), np.ptp(places, axis=0).max()
    scaled = np.full((len(features.values), 2), np.nan, np.float32)
    # One scale for both axes: distances on the map are comparable in every direction.
    centred = (places - low - np.ptp(places, axis=0) / 2) / (reach or 1.0) + 0.5
    scaled[features.readable] = centred
    return scaled


def _components(values: np.ndarray) -> np.ndarray:
    """Return the principal components, float64 (n, up to `COMPONENTS`, at least 2)."""
    from sklearn.decomposition import PCA

    if len(values) < 2:
        return np.zeros((len(values), 2))
    count = min(COMPONENTS, *values.shape)
    axes = PCA(count, svd_solver="covariance_eigh").fit_transform(values.astype(np.float64))
    return np.pad(axes, ((0, 0), (0, max(0, 2 - count))))


def _embedded(
    axes: np.ndarray, progress: Callable[[int, int], None], should_stop: Callable[[], bool]
) -> np.ndarray:
    from openTSNE import TSNEEmbedding, affinity, initialization
    from openTSNE.tsne import OptimizationInterrupt

    done = 0
    progress(0, EARLY + LATER)
    near = affinity.PerplexityBasedNN(
        axes, perplexity=min(NEIGHBOURS, (len(axes) - 1) / 3), n_jobs=1, random_state=0
    )
    start = initialization.rescale(np.ascontiguousarray(axes[:, :2]))
    embedding = TSNEEmbedding(start, near, n_jobs=1, random_state=0)

    def report(iteration: int, error: float, now: np.ndarray) -> bool:
        progress(done + iteration, EARLY + LATER)
        return should_stop()

    for count, more in ((EARLY, {"exaggeration": 12, "momentum": 0.5}), (LATER, {"momentum": 0.8})):
        try:
            embedding = embedding.optimize(
                count,
                callbacks=[report],
                callbacks_every_iters=EVERY,
                propagate_exception=True,
                **more,
            )
        except OptimizationInterrupt as error:
            raise Stopped("Stopped while the map was drawn.") from error
        done += count
    return np.asarray(embedding)


def inside(places: np.ndarray, corners: Sequence[tuple[float, float]]) -> np.ndarray:
    """Return which places lie in an area, by the even-odd rule, bool (n,).

    Args:
        places: float32 (n, 2); NaN lies nowhere.
        corners: of the area, in order; below three there is no area.
    """
    x, y = places.astype(np.float64).T
    within = np.zeros(len(places), bool)
    for (x0, y0), (x1, y1) in zip(corners, [*corners[1:], *corners[:1]], strict=True):
        if y0 != y1:
            crossed = (y0 > y) != (y1 > y)
            within ^= crossed & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    return within


def save(folder: Path, places: np.ndarray) -> None:
    """Save a map beside the features that it was made of."""
    content = io.BytesIO()
    np.save(content, places.astype(np.float32))
    checksums.write(folder, folder / FILE, content.getvalue())


def load(folder: Path, count: int) -> np.ndarray | None:
    """Return the map of this many films in a folder; `None` if it is missing or damaged."""
    try:
        limit = 8 * count + file_reader.HEADER_BYTES
        content = checksums.read_guarded(folder, folder / FILE, limit)
        places = file_reader.read_array(content, (count, 2), "float32")
    except (OSError, DamagedFile, FileRefused):
        return None
    known = places[~np.isnan(places)]
    return places if ((known >= 0) & (known <= 1)).all() else None
