"""A contact sheet of a phantom set: films of every part as a wall of small pictures.

    python benchmarks/contact_sheet.py PHANTOM SHEET.jpg [--columns 8] [--rows 4] [--side 200]

PHANTOM is a folder that `python -m fracture_core phantom` made, of any version. Positive and
normal studies take turns, and parts follow each other; of each study a film is shown that shows the
break. Prints what each film shows.
"""

import argparse
import itertools
import sys
from pathlib import Path

from PIL import Image, ImageOps

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fracture_core.phantom import phantom_set
from fracture_core.phantom.study_plan import Break


def main() -> None:
    """Draw the sheet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("phantom", type=Path)
    parser.add_argument("sheet", type=Path)
    parser.add_argument("--columns", type=int, default=8)
    parser.add_argument("--rows", type=int, default=4)
    parser.add_argument("--side", type=int, default=200, help="of a film, in px")
    options = parser.parse_args()
    columns, rows, side = options.columns, options.rows, options.side
    sheet = Image.new("L", (columns * side, rows * side))
    films = list(itertools.islice(in_turn(phantom_set.breaks(options.phantom)), columns * rows))
    for number, (path, words) in enumerate(films):
        print(f"{path}: {words}")
        with Image.open(options.phantom / path) as film:
            tile = ImageOps.pad(film.convert("L"), (side - 4, side - 4))
        sheet.paste(tile, (number % columns * side + 2, number // columns * side + 2))
    sheet.save(options.sheet, quality=82, optimize=True)


def in_turn(breaks: dict[str, list[Break]]) -> list[tuple[str, str]]:
    """Return (path, words) of one film a study, the parts and labels in turn.

    Args:
        breaks: see `phantom_set.breaks`.
    """
    groups: dict[tuple[str, bool], list[tuple[str, str]]] = {}
    for _, paths in itertools.groupby(breaks, key=lambda path: path.rpartition("/")[0]):
        films = list(paths)
        films = [path for path in films if breaks[path]] or films
        group = groups.setdefault((films[0].split("/")[1], not breaks[films[0]]), [])
        path = films[(len(group) + 1) % len(films)]  # views in turn, too
        words = [f"{each.kind} {each.pattern} {each.bone}".strip() for each in breaks[path]]
        group.append((path, ", ".join(words) or "no break"))
    turns = itertools.zip_longest(*(groups[key] for key in sorted(groups)))
    return [entry for turn in turns for entry in turn if entry]


if __name__ == "__main__":
    main()
