"""Malformed uploads, thousands of them, taken through the same door as uploads.

    python benchmarks/fuzz.py [--files 10000] [--seed 0]

Real films of every supported format and zips, made here, with bits flipped, cut, or spliced; forged
headers, huge dimensions, bombs, nested, traversing, locked and linked zips, wrong endings, names
with control characters (`tests/core/malformed.py`). Prints how many were read and refused, the
longest time that one took, the greatest growth of memory, and whether a file was written. Ends with
status 1 at the first exception that is not a refusal, or if anything was written.
"""

import argparse
import itertools
import os
import resource
import sys
import tempfile
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.core import malformed


def main() -> int:
    """Feed, watch, print; gives the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for make in malformed.WHOLE.values():  # what is loaded once is no growth
        malformed.read(malformed.File(name="whole", content=bytes(make())))
    began, slowest, read, lost = peak_mb(), 0.0, 0, 0
    with tempfile.TemporaryDirectory() as name:
        os.environ["TMPDIR"] = tempfile.tempdir = name
        os.chdir(name)
        for number, file in enumerate(
            itertools.islice(malformed.files(options.seed), options.files), 1
        ):
            start = time.perf_counter()
            try:
                count = malformed.read(file)
            except Exception:
                traceback.print_exc()
                print(f"File {number} of seed {options.seed}, {file.name!r}, got through.")
                return 1
            slowest = max(slowest, time.perf_counter() - start)
            read, lost = read + bool(count), lost + (not count)
            if number % 1_000 == 0:
                print(f"{number} files", flush=True)
        written = [path.name for path in Path(name).rglob("*")]
        os.chdir("/")
    print(
        f"{options.files} files: {read} held a film that could be read, {lost} were refused; the "
        f"slowest took {slowest:.2f} s, memory grew by {peak_mb() - began:.0f} MB at most, "
        f"{len(written)} files were written."
    )
    return 1 if written else 0


def peak_mb() -> float:
    """The most resident memory so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main())
