"""Peaks of heat maps against the phantom's known breaks, and against chance.

    python benchmarks/pointing.py [--model starter-five-conv] [--data PHANTOM] [--split valid]

The pointing game (Zhang et al. 2016) without a margin: a film's map hits if the middle of its
greatest cell lies in the box of a break. Two yardsticks: chance (any cell alike), and a map that
always points at the film's middle. Without --data, draws the phantom that the starter was trained
on; give no other split to a model that was trained on it.
"""

import argparse
import functools
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fracture_core.config.film_settings import PixelRecipe
from fracture_core.explanations import heat_maps
from fracture_core.films import images
from fracture_core.models import stored_models
from fracture_core.networks import architectures
from fracture_core.phantom import phantom_set
from fracture_core.phantom.study_plan import Break
from fracture_core.prediction.inference import Predictor
from fracture_core.verdicts import closed_intervals
from fracture_core.verdicts.closed_intervals import Proportion


def main() -> None:
    """Explain every film with a break, and print how often the peak lies in it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="starter-five-conv", help="as `predict` takes it")
    parser.add_argument("--data", type=Path, help="a phantom set; drawn if left out")
    parser.add_argument("--split", default="valid", help="first folder of the films' paths")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root = options.data or Path(name) / "films"
        if not options.data:
            phantom_set.make(root)
        breaks = phantom_set.breaks(root)
        some = {path: v for path, v in breaks.items() if path.startswith(f"{options.split}/")}
        predictor = Predictor(stored_models.find(options.model))
        for title, method in methods(predictor).items():
            show(title, pointing_game(predictor, root, some, method))


@dataclass(frozen=True, kw_only=True)
class Pointing:
    """Share of maps whose peak lies in a known break ("pointing game", Zhang et al. 2016).

    Args:
        method: of the maps.
        hits: films whose peak lies in a break, of all films with a break.
        chance: share, 0 to 1, of hits if all cells of the map were equally likely.
        centre: films whose centre lies in a break: the hits of a map that always points there.
        positive: as `hits`, of the films that the network predicts positive.
    """

    method: str
    hits: Proportion
    chance: float
    centre: Proportion
    positive: Proportion


def points_into(x: float, y: float, breaks: Iterable[Break]) -> bool:
    """Tell whether a point of the film, in its px, lies in one of the breaks' boxes."""
    return any(x0 <= x < x1 and y0 <= y < y1 for x0, y0, x1, y1 in (mark.box for mark in breaks))


def chance(
    heat: heat_maps.HeatMap, film: tuple[int, int], recipe: PixelRecipe, breaks: Sequence[Break]
) -> float:
    """Return the share, 0 to 1, of the map's cells that point into a break."""
    place = heat_maps.on_film(heat, film, recipe)
    rows, columns = heat.values.shape
    x = place.box[0] + (np.arange(columns) + 0.5) * place.cell[0]
    y = place.box[1] + (np.arange(rows) + 0.5) * place.cell[1]
    return float(np.mean([points_into(a, b, breaks) for b in y for a in x]))


def pointing_game(
    predictor: Predictor,
    root: Path,
    breaks: dict[str, list[Break]],
    explain: Callable[[Predictor, np.ndarray], heat_maps.HeatMap],
) -> Pointing:
    """Count the films whose map peaks in a known break (Zhang et al. 2016), without a margin.

    Args:
        predictor: the network.
        root: of the phantom set.
        breaks: path of a film -> its breaks, see `phantom_set.breaks`; others are skipped.
        explain: computes a film's map, see `heat_maps.METHODS`.

    Raises:
        FilmError: a film cannot be read.
    """
    hits, centre, positive, shares, method = [], [], [], [], ""
    for path, marks in breaks.items():
        if not marks:
            continue
        whole = images.decode(root / path)
        heat = explain(predictor, images.to_pixels(whole, predictor.recipe))
        method = heat.method
        hits.append(points_into(*heat_maps.on_film(heat, whole.size, predictor.recipe).peak, marks))
        centre.append(points_into(whole.width / 2, whole.height / 2, marks))
        shares.append(chance(heat, whole.size, predictor.recipe, marks))
        positive.append(heat.probability > predictor.model.card.threshold)
    positive_hits = [hit for hit, yes in zip(hits, positive, strict=True) if yes]
    return Pointing(
        method=method,
        hits=closed_intervals.wilson(sum(hits), len(hits)),
        chance=float(np.mean(shares)) if shares else 0.0,
        centre=closed_intervals.wilson(sum(centre), len(centre)),
        positive=closed_intervals.wilson(sum(positive_hits), len(positive_hits)),
    )


def methods(predictor: Predictor) -> dict:
    """Grad-CAM at each convolution, then occlusion."""
    count = len(architectures.blocks(predictor.network))
    cams = {
        f"Grad-CAM, convolution {n} of {count}": functools.partial(
            heat_maps.grad_cam, convolution=n
        )
        for n in range(1, count + 1)
    }
    return cams | {"occlusion": heat_maps.occlusion}


def show(title: str, result: Pointing) -> None:
    """One line: hits with their interval, chance, the middle, and the films called positive."""
    print(
        f"{title}: {spoken(result.hits)}; chance {result.chance:.1%}; the film's middle "
        f"{spoken(result.centre)}; of films called positive {spoken(result.positive)}",
        flush=True,
    )


def spoken(share: Proportion) -> str:
    """Count, share and 95 % interval (Wilson)."""
    if share.value is None:
        return "none to count"
    interval = f"95 % interval {share.low:.1%} to {share.high:.1%}"
    return f"{share.count} of {share.n}, {share.value:.1%} ({interval})"


if __name__ == "__main__":
    main()
