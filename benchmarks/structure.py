"""Counts of modules, imports between packages, docstrings and types.

    python benchmarks/structure.py [--types]

Prints, per package of the core and folder of the interface, how many modules and lines it has and
its largest module; how many packages import another and how many of these imports go upwards in
the table of `tests/test_architecture.py`; how many docstrings open with a relative clause; how many
lines switch the formatter off. With --types it runs the type checker, too. Ends with status 1 if an
import goes upwards or a docstring opens with a clause.
"""

import argparse
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests import test_architecture as table
from tests import test_english as english

PROJECT = table.PROJECT


def main() -> int:
    """Count, print; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--types", action="store_true", help="run the type checker as well")
    options = parser.parse_args()
    print(f"{'package':26}{'modules':>8}{'lines':>8}  largest module")
    for folder in sorted({path.parent for path in (*table.CORE, *PROJECT.glob("ui/**/*.py"))}):
        print_row(folder)
    edges, upwards = package_edges()
    print(f"\n{len(edges)} packages import another, {len(upwards)} of them upwards")
    docstrings = list(english.docstrings())
    clauses = [place for place, text in docstrings if english.opens_with_clause(text)]
    print(f"{len(docstrings):,} docstrings, {len(clauses)} open with a relative clause")
    print(f"{formatter_off()} times '# fmt: skip'")
    if options.types:
        subprocess.run([sys.executable, "-m", "mypy"], cwd=PROJECT, check=False)
    return int(bool(upwards or clauses))


def print_row(folder: Path) -> None:
    """Print a package's modules and lines."""
    paths = [path for path in folder.glob("*.py") if path.stem != "__init__"]
    if not paths:
        return
    lines = {path.stem: len(path.read_text(encoding="utf-8").splitlines()) for path in paths}
    largest = max(lines, key=lines.__getitem__)
    name = folder.relative_to(PROJECT).as_posix()
    print(f"{name:26}{len(lines):8}{sum(lines.values()):8,}  {largest} ({lines[largest]})")


def package_edges() -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """Return the pairs of packages of which one imports the other, and those that go upwards."""
    edges = set()
    for module, path in table.MODULES.items():
        for other in table.core_modules(path):
            pair = table.package_of(module), table.package_of(other)
            if pair[0] != pair[1] and module != "__main__":
                edges.add(pair)
    row = table.PACKAGES.index
    return edges, {(low, high) for low, high in edges if row(high) > row(low)}


def formatter_off() -> int:
    """Return how often the formatter is switched off in the code of the product and its tests."""
    return sum(
        path.read_text(encoding="utf-8").count("# fmt: skip")
        for top in ("fracture_core", "ui", "pages", "tests")
        for path in PROJECT.glob(f"{top}/**/*.py")
    )


if __name__ == "__main__":
    sys.exit(main())
