"""Training speed: ratios of sides that are measured in turn, in one run of this program.

    python benchmarks/training.py [--parts step pipeline ...] [--repeats 5] [--quick]
                                  [--threads 1 2] [--torch-python PYTHON]

Parts: "step", our compiled step fed by the pipeline against the same step fed from one constant
chunk, against Keras' own layers and Adam, and against the machine's arithmetic limit; "pipeline",
a real run against the 2018 report's own code; "averages", what recomputing batch normalization's
averages takes of an epoch as long as MURA's shoulder, at three sizes; "several", two runs at once
against one; "torch", our step against PyTorch's. Network five_conv, elsewhere at 32 px, batches of
10; films as MURA's: PNG, 512 px, about 80 kB. Ratios of one turn are taken first, then their
median: a shared machine slows both sides of a turn alike.
"""

import argparse
import itertools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import films
from workers import Worker, answer, ask, in_turn, measure, rate, ratio, start, stop

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fracture_core.networks import architectures

FILMS = 600
SHOULDER = 8_379  # training films of MURA's shoulder
SIZES = (32, 64, 96)  # px, of "averages"
CORES = os.cpu_count() or 1
WAYS = ("recomputed", "running")  # averages of batch normalization
BATCHES = {10: 1.2, 64: 1.0}  # films a batch -> the goal against PyTorch


def main() -> None:
    """Measure the parts that were asked for, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--repeats", type=int, default=5, help="turns that count")
    parser.add_argument("--quick", action="store_true", help="three short turns: a first look")
    threads = ["1", str(CORES), "1x2"]
    parser.add_argument("--threads", nargs="+", default=threads, help="to try; see sides.py")
    parser.add_argument("--torch-python", metavar="PYTHON", help="a Python that has torch")
    options = parser.parse_args()
    if options.quick:
        options.repeats = 3
    with tempfile.TemporaryDirectory() as name:
        os.environ |= {"FRACTURE_RUNS": f"{name}/runs", "FRACTURE_CACHE": f"{name}/cache"}
        options.data = Path(name) / "films"
        print(f"{CORES} cores, {busy():.1f} of them busy before this began.", flush=True)
        if {"pipeline", "several"} & set(options.parts):
            make_films(options)
        for part in options.parts:
            print(f"\n{part}:", flush=True)
            PARTS[part](options)


def make_films(options: argparse.Namespace) -> None:
    """Films for both sides; says how large they are."""
    films.make(options.data, FILMS // 4 if options.quick else FILMS)
    sizes = [path.stat().st_size for path in options.data.rglob("*.png")]
    print(f"{len(sizes)} films of {statistics.mean(sizes) / 1000:.0f} kB.")


def busy() -> float:
    """Return how many cores others use; unless near 0, figures for several cores say little."""

    def idle() -> float:
        words = Path("/proc/stat").read_text(encoding="ascii").split()
        return (int(words[4]) + int(words[5])) / os.sysconf("SC_CLK_TCK")  # idle, waiting for disks

    before, began = idle(), time.perf_counter()
    time.sleep(1)
    return max(0.0, CORES - (idle() - before) / (time.perf_counter() - began))


def say(text: str) -> None:
    """Print a finding at once: a whole run takes minutes."""
    print(f"  {text}", flush=True)


def print_step(options: argparse.Namespace) -> None:
    """Our step at each number of threads: against no input work, Keras' own, and the limit."""
    names = ("pipeline", "constant", "one a call", "keras", "product")
    for threads in options.threads:
        side = start(["sides.py", "step", "--threads", str(threads)])
        found = in_turn(options.repeats, *(asking(side, name) for name in names))
        stop(side)
        ours, constant, single, keras, product = found
        mega_flop = architectures.find("five_conv").mega_flop
        arithmetic = [images * mega_flop * 1e6 for images in ours]
        say(f"threads {threads}: {rate(ours)}")
        say(f"  against the same step on one constant chunk: {ratio(ours, constant)}, goal 0.95")
        say(f"  against Keras' own layers and Adam, one step a call: {ratio(ours, keras)}")
        say(f"  our step one a call against the same: {ratio(single, keras)}")
        say(
            f"  share of the arithmetic limit ({mega_flop} MFLOP an image; matrix products "
            f"{statistics.median(product) / 1e9:.0f} GFLOP/s): {ratio(arithmetic, product)}"
        )


def asking(side: Worker, what: str = "go") -> Callable[[], float]:
    """The side's measurement of this name, for `in_turn`."""
    return lambda: measure(side, what)


def print_pipeline(options: argparse.Namespace) -> None:
    """A real run, at each number of threads, against the report's code."""
    words = ["sides.py", "report", "--data", str(options.data)]
    report, narrow = start(words), start([*words, "--threads", "1"])
    kinds = list(itertools.product(options.threads, WAYS))
    runs = [start_run(options, threads, f"{way}-{threads}", way) for threads, way in kinds]
    sides = (report, narrow, *runs)
    theirs, narrowed, *ours = in_turn(options.repeats, *(asking(side) for side in sides))
    stop(*sides)
    say(f"the report's code, TensorFlow's own choice of threads: {rate(theirs)}")
    say(f"the report's code, one thread: {rate(narrowed)}")
    for (threads, way), found in zip(kinds, ours, strict=True):
        say(f"a run with threads {threads}, {way} averages: {rate(found)}")
        say(f"  ratio {ratio(found, theirs)}, goal 4")
        say(f"  against the report's code with one thread: {ratio(found, narrowed)}")


def start_run(
    options: argparse.Namespace,
    threads: str,
    name: str,
    averages: str = "recomputed",
) -> Worker:
    """A real run that waits to be asked for its next epoch: 282 steps, as the report's."""
    words = ["--data", str(options.data), "--threads", str(threads), "--name", name]
    words += ["--normalization", averages, "--steps", "60" if options.quick else "282"]
    return start(["sides.py", "run", *words])


def print_averages(options: argparse.Namespace) -> None:
    """Time to recompute the averages once, against that of the steps of an epoch."""
    for threads, size in itertools.product(options.threads, SIZES):
        side = start(["sides.py", "step", "--threads", str(threads), "--size", str(size)])
        kinds = ("pipeline", "averages")
        steps, once = in_turn(options.repeats, *(asking(side, kind) for kind in kinds))
        stop(side)
        epochs = [SHOULDER * a_second for a_second in once]
        say(f"threads {threads}, {size} px: steps {rate(steps)}")
        say(f"  share of an epoch of {SHOULDER:,} films: {ratio(steps, epochs)}, at most 0.05")


def print_several(options: argparse.Namespace) -> None:
    """Runs of one thread each, one a core, at once; against one alone."""
    together = [start_run(options, "1", f"beside-{number}") for number in range(CORES)]
    wide = start_run(options, "1x2", "wide")

    def all_at_once() -> float:
        for side in together:
            ask(side)
        return sum(answer(side) for side in together)

    at_once, alone, spread = in_turn(
        options.repeats, all_at_once, asking(together[0]), asking(wide)
    )
    stop(*together, wide)
    say(f"{CORES} runs of one thread: {rate(at_once)}; one alone: {rate(alone)}")
    say(f"together against one alone: {ratio(at_once, alone)}, goal 1.3")
    say(f"one with threads 1x2 against one with 1: {ratio(spread, alone)}, or {0.75 * CORES}")
    best = alone if statistics.median(alone) > statistics.median(spread) else spread
    say(f"together against one alone at its best: {ratio(at_once, best)}")


def print_torch(options: argparse.Namespace) -> None:
    """Our step against PyTorch's on one constant batch, each at its best; no augmentation."""
    if not options.torch_python:
        say("left out: no Python with torch was given (--torch-python)")
        return
    for batch, goal in BATCHES.items():
        ours = [(start_still(threads, batch), "constant", threads) for threads in options.threads]
        theirs = []
        for threads in [each for each in options.threads if "x" not in each]:
            words = ["torch_side.py", "--threads", str(threads), "--batch", str(batch)]
            side = start(words, options.torch_python)
            for kind, layout in itertools.product(("eager", "compiled"), ("first", "last")):
                theirs.append((side, f"{kind} {layout}", f"{kind}, channels {layout}, {threads}"))
        best = best_of(ours, "ours"), best_of(theirs, "torch")
        found = in_turn(options.repeats, *(asking(side, what) for side, what, _ in best))
        stop(*{side for side, *_ in ours + theirs})
        say(
            f"batch {batch}: ours ({best[0][2]} threads) {rate(found[0])}, "
            f"torch ({best[1][2]} threads) {rate(found[1])}: {ratio(*found)}, goal {goal}"
        )


def start_still(threads: str, batch: int) -> Worker:
    """Our step without augmentation."""
    words = ["--threads", str(threads), "--batch", str(batch), "--still"]
    return start(["sides.py", "step", *words])


def best_of(sides: list[tuple[Worker, str, str]], whose: str) -> tuple[Worker, str, str]:
    """The quickest of some sides, by the median of three turns."""
    found = in_turn(3, *(asking(side, what) for side, what, _ in sides))
    for (_, _, words), values in zip(sides, found, strict=True):
        say(f"  {whose}, {words} threads: {rate(values)}")
    middles = [statistics.median(values) for values in found]
    return sides[middles.index(max(middles))]


PARTS: dict[str, Callable[[argparse.Namespace], None]] = {
    "step": print_step,
    "pipeline": print_pipeline,
    "averages": print_averages,
    "several": print_several,
    "torch": print_torch,
}


if __name__ == "__main__":
    main()
