"""Damaged folders, thousands of them, handed to every function that reads such a folder.

    python benchmarks/fuzz_folders.py [--cases 3000] [--seed 0] [--kind run]

Runs, models, data sets, caches and zips, made here, with files cut, flipped, emptied, exchanged,
made huge, or turned into pipes, sockets, devices, folders and circles of links; JSON of every
shape, tables and arrays of other columns, kinds and sizes, and names that mean harm
(`tests/core/malformed_folders.py`). Only refusals in a sentence may come out, within ten seconds
and three gigabytes, and the folder beside the damaged one must still be readable. Prints what was
read and refused by kind, and every case that broke a rule; ends with status 1 if any did.
"""

import argparse
import collections
import itertools
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.core import malformed_folders


def main() -> int:
    """Damage, read, print; gives the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=3_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", choices=malformed_folders.KINDS)
    options = parser.parse_args()
    kinds = (options.kind,) if options.kind else malformed_folders.KINDS
    counts: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    slowest, broken = 0.0, 0
    with tempfile.TemporaryDirectory() as name:
        home = malformed_folders.make(Path(name))
        began = time.perf_counter()
        found = itertools.islice(malformed_folders.cases(home, options.seed, kinds), options.cases)
        for case in found:
            slowest, began = max(slowest, time.perf_counter() - began), time.perf_counter()
            counts[case.kind].update(cases=1, read=case.read, refused=case.refused)
            if case.wrong:
                broken += 1
                print(f"{case.kind}, {case.damage}:", *case.wrong, sep="\n    ", flush=True)
    for kind, count in counts.items():
        print(
            f"{kind:6}{count['cases']:6} cases: {count['read']:7} readings gave something, "
            f"{count['refused']:6} were refused in a sentence"
        )
    print(f"The slowest case took {slowest:.1f} s; {broken} cases broke a rule.")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
