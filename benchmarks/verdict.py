"""Time from films in memory to a verdict.

    python benchmarks/verdict.py [--films 3] [--repeats 15] [--model starter-five-conv]

Prints ratios, both sides in turn in one run, warm: a verdict with gate, rules and what it hangs
on, against decoding, resizing and one forward pass of the same films (goal: at most
1.5); and the 2018 report's way, which builds the network, loads the weights and predicts film by
film, against ours. Then a whole `predict` of one film, process and all, against a bare
`import tensorflow` (goal: at most 1.2); and 200 films as a zip holds them: films a second. Films
are PNG of MURA's shape that the benchmark draws.
"""

import argparse
import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import films as made
import numpy as np
import tensorflow as tf
from PIL import Image
from workers import in_turn, ratio

from fracture_core.films import images
from fracture_core.models import stored_models
from fracture_core.models.model import Model
from fracture_core.networks import architectures
from fracture_core.prediction.inference import Predictor
from fracture_core.prediction.study_prediction import FilmInput
from fracture_core.study_sorting import uploads
from fracture_core.study_sorting.upload_files import File
from fracture_core.verdicts import breakdown

PROJECT = Path(__file__).resolve().parent.parent
MANY = 200  # films of a zip


def main() -> None:
    """Draw films, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--films", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--model", default="starter-five-conv")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    tf.get_logger().setLevel(
        "ERROR"
    )  # the report's way compiles again each time, which TensorFlow notes
    with tempfile.TemporaryDirectory() as name:
        made.make(Path(name), MANY)
        paths = sorted(Path(name).rglob("*.png"))
        contents = [path.read_bytes() for path in paths]
        words = ["-m", "fracture_core", "predict", options.model, str(paths[0])]
        whole = in_turn(
            max(3, options.repeats // 3),
            timed(process(words)),
            timed(process(["-c", "import tensorflow"])),
        )
    model = stored_models.find(options.model)
    few = contents[: options.films]
    predictor = Predictor(model)
    ours, bare = verdict(predictor, few), forward(predictor, few)
    found = in_turn(options.repeats, timed(ours), timed(bare))
    print(f"{len(few)} films, verdict with gate and rules: {milliseconds(found[0])}")
    print(f"  decoding, resizing, one forward pass: {milliseconds(found[1])}")
    print(f"  against that: {ratio(*found)}, goal at most 1.5")
    slow = in_turn(max(3, options.repeats // 3), timed(report(model, few)), timed(ours))
    print(f"  the report's way: {milliseconds(slow[0])}; against ours: {ratio(*slow)}")
    print(f"predict of one film, a process: {milliseconds(whole[0])}")
    print(f"  import tensorflow alone: {milliseconds(whole[1])}")
    print(f"  against that: {ratio(*whole)}, goal at most 1.2")
    began = time.perf_counter()
    for study in uploads.sort([File(name="many.zip", content=zipped(contents))]).studies:
        predictor.predict_study(
            study.name, [FilmInput(name=each.name, source=each.content) for each in study.films]
        )
    rate = len(contents) / (time.perf_counter() - began)
    print(f"{len(contents)} films of a zip: {rate:.0f} films a second")


def verdict(predictor: Predictor, contents: list[bytes]) -> Callable[[], object]:
    """Predict as the page and `predict` do."""
    asked = [FilmInput(name=f"{n}.png", source=content) for n, content in enumerate(contents)]

    def predict() -> object:
        study = predictor.predict_study("study", asked)
        values = [film.probability for film in study.films]
        return breakdown.break_down(values, 0.5), breakdown.other_rules(values, 0.5)

    return predict


def forward(predictor: Predictor, contents: list[bytes]) -> Callable[[], object]:
    """The least that any program must do."""
    recipe, network = predictor.recipe, predictor.network
    compiled = tf.function(lambda x: network(tf.cast(x, tf.float32)[..., None], training=False))

    def predict() -> object:
        opened = [Image.open(io.BytesIO(content)).convert("L") for content in contents]
        return compiled(np.stack([images.to_pixels(film, recipe) for film in opened])).numpy()

    return predict


def report(model: Model, contents: list[bytes]) -> Callable[[], object]:
    """Prediction of a directory as in the report: build, load, predict one film after the other."""

    def predict() -> object:
        size = model.card.recipe.size
        network = architectures.build(model.card.architecture, size, **model.card.options.to_dict())
        network.load_weights(model.weights)
        found = []
        for content in contents:
            film = images.to_pixels(Image.open(io.BytesIO(content)).convert("L"), model.card.recipe)
            found.append(network.predict(film[None, ..., None], verbose=0))
        return found

    return predict


def process(words: Sequence[str]) -> Callable[[], object]:
    """A Python of its own from its start to its end; stops the benchmark where it fails."""
    return lambda: subprocess.run(
        [sys.executable, *words], cwd=PROJECT, capture_output=True, check=True
    )


def timed(call: Callable[[], object]) -> Callable[[], float]:
    """Seconds of a call."""

    def measure() -> float:
        began = time.perf_counter()
        call()
        return time.perf_counter() - began

    return measure


def milliseconds(values: list[float]) -> str:
    """The median in ms."""
    return f"{1000 * statistics.median(values):.1f} ms"


def zipped(contents: list[bytes]) -> bytes:
    """The films in one zip."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for number, content in enumerate(contents):
            archive.writestr(f"study{number // 4}/image{number}.png", content)
    return stream.getvalue()


if __name__ == "__main__":
    main()
