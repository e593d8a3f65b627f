"""Time of an audit over the time of decoding the same films, and its memory at two sizes.

    python benchmarks/audit.py --films 4000 --size 512

Films are drawn once per call (phantoms, cheaply varied, saved as PNG of `--size` px). Each
measurement runs in a process of its own. Processor seconds are compared, since they hold on a busy
machine too; seconds on the clock are printed beside them. An audit without families takes at most
1.3 times as long as decoding on all cores, for each film more: two sizes are measured, so that the
start, which 40,005 films share, does not count. Families are timed apart.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fracture_core.audit import audit_job
from fracture_core.datasets import catalog
from fracture_core.films import images
from fracture_core.phantom import phantom_set

LIMIT = 1.3
STUDIES = 60  # phantom studies that the films are varied from
SHARE = 4  # the smaller of the two sizes is this fraction of the films


def main() -> None:
    """Print the ratio and the peaks of memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=int, default=2_000)
    parser.add_argument("--size", type=int, default=512, help="px of a film's side")
    parser.add_argument("--families", action="store_true", help="also time the families")
    parser.add_argument(
        "--part", nargs=3, metavar=("WHAT", "DATA", "CACHE"), help=argparse.SUPPRESS
    )
    options = parser.parse_args()
    if options.part:
        print(json.dumps(_part(*options.part)))
        return
    with tempfile.TemporaryDirectory() as place:
        _compare(Path(place), options)


def _compare(place: Path, options: argparse.Namespace) -> None:
    whole, few = place / "whole", place / "few"
    _draw(whole, options.films, options.size)
    _link(whole, few, options.films // SHARE)
    print(f"{options.films:,} films of {options.size} px, {os.cpu_count()} cores")
    decoded = _measured("decode", whole, place)
    audited = _measured("audit", whole, place)
    for name, part in (("decoding", decoded), ("audit without families", audited)):
        print(f"  {name}: {part['cpu']:.1f} s of processor, {part['clock']:.1f} s")
    smaller, less_decoded = _measured("audit", few, place), _measured("decode", few, place)
    by = {
        name: (audited[name] - smaller[name]) / (decoded[name] - less_decoded[name])
        for name in ("cpu", "clock")
    }
    verdict = "within" if by["cpu"] <= LIMIT else "ABOVE"
    print(
        f"  audit over decoding, per further film: {by['cpu']:.2f} by processor, "
        f"{by['clock']:.2f} by clock; {verdict} the limit of {LIMIT}; with the start "
        f"{audited['cpu'] / decoded['cpu']:.2f}"
    )
    again = _measured("audit", whole, place)
    print(f"  again, from saved measurements: {again['cpu']:.1f} s of processor")
    print(
        f"  peak memory: {smaller['peak']:.0f} MB with {options.films // SHARE:,} films, "
        f"{audited['peak']:.0f} MB with {options.films:,}"
    )
    if options.families:
        kin = _measured("families", whole, place)
        less = _measured("families", few, place)
        print(
            f"  families, with decoding: {kin['cpu']:.1f} s of processor, {kin['clock']:.1f} s; "
            f"peak memory {less['peak']:.0f} and {kin['peak']:.0f} MB"
        )


def _measured(what: str, data: Path, place: Path) -> dict[str, float]:
    """Run a part in a process of its own."""
    words = [sys.executable, __file__, "--part", what, str(data), str(place / f"cache-{data.name}")]
    printed = subprocess.run(words, capture_output=True, text=True, check=True)
    result: dict[str, float] = json.loads(printed.stdout.splitlines()[-1])
    return result


def _part(what: str, data: str, cache: str) -> dict[str, float]:
    """Decode, or audit, in this process; return its seconds and peak of memory in MB."""
    os.environ["FRACTURE_CACHE"] = cache
    dataset = catalog.read(Path(data))
    before, began = time.process_time(), time.perf_counter()
    if what == "decode":
        paths = [dataset.root / path for path in dataset.manifest["path"]]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for _ in pool.map(lambda path: images.decode(path).size, paths):
                pass
    else:
        folder = audit_job.folder_of(dataset.hash).with_name(f"{dataset.hash}-{what}")
        audit_job.run(dataset, folder, with_families=what == "families")
    return {
        "cpu": time.process_time() - before,
        "clock": time.perf_counter() - began,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


# --- films --------------------------------------------------------------------------------------


def _draw(root: Path, count: int, size: int) -> None:
    """Write different films of this size in MURA's layout: phantoms, moved, with other grain."""
    source = root.with_name("phantom")
    phantom_set.make(source, studies=STUDIES, seed=3)
    manifest = catalog.read(source).manifest
    films = [images.decode(source / path) for path in manifest["path"]]

    def write(number: int) -> None:
        random = np.random.default_rng(number)
        film = films[number % len(films)].resize((size, size), Image.Resampling.BICUBIC)
        turned = film.rotate(float(random.uniform(-20, 20)), Image.Resampling.BILINEAR)
        grain = random.normal(0, 2, (size, size))
        grey = np.clip(np.asarray(turned) * random.uniform(0.7, 1.2) + grain, 0, 255)
        split = "train" if number % 10 else "valid"
        label = "positive" if number % 2 else "negative"
        folder = root / split / "XR_WRIST" / f"patient{number:05d}" / f"study1_{label}"
        folder.mkdir(parents=True)
        Image.fromarray(grey.astype(np.uint8)).save(folder / "image1.png", compress_level=4)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(write, range(count)))


def _link(whole: Path, few: Path, count: int) -> None:
    """Make a second data set of the first films, by hard links."""
    for path in sorted(whole.rglob("*.png"))[::SHARE][:count]:
        target = few / path.relative_to(whole)
        target.parent.mkdir(parents=True)
        target.hardlink_to(path)


if __name__ == "__main__":
    main()
