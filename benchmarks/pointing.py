"""Do heat maps point at the break? Their peaks against the phantom's known boxes, and chance.

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
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fracture_core.explanations import heat_maps
from fracture_core.models import cards
from fracture_core.models.inference import Predictor
from fracture_core.networks import architectures
from fracture_core.phantom import phantom_set
from fracture_core.verdicts.metrics import Proportion


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
        predictor = Predictor(cards.find(options.model))
        for title, method in methods(predictor).items():
            show(title, heat_maps.pointing_game(predictor, root, some, method))


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


def show(title: str, found: heat_maps.Pointing) -> None:
    """One line: hits with their interval, chance, the middle, and the films called positive."""
    print(
        f"{title}: {spoken(found.hits)}; chance {found.chance:.1%}; the film's middle "
        f"{spoken(found.centre)}; of films called positive {spoken(found.positive)}",
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
