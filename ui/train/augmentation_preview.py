"""Training films as the network will see them: as they are, and augmented.

HTML with styles of its own, so that the browser enlarges pixels without smoothing them.
"""

import base64
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd

from fracture_core.config.film_settings import Augmentation, PixelRecipe
from fracture_core.errors import FilmError
from fracture_core.films import images
from fracture_core.networks import augmentation as changes
from fracture_core.training_films import pipeline
from ui.shared import pictures

PASSES = 5  # epochs shown of each film
TRIES = 20  # films of a label that are opened to find a readable one
_TABLE = (
    f"display:grid;grid-template-columns:repeat({PASSES + 1},minmax(0,1fr));gap:8px;padding:10px;"
    "max-width:1000px;background:#000;border-radius:6px;"
    "color:#9aa4b0;font-size:13px"  # on black in the light theme too
)
_FILM = (  # the outline shows the edge of a film with a black border
    "display:block;width:100%;aspect-ratio:1;image-rendering:pixelated;outline:1px solid #2a3038"
)


def examples(
    root: Path,
    films: pd.DataFrame,
    recipe: PixelRecipe,
    augmentation: Augmentation,
    seed: int,
    first: int,
) -> list[list[bytes]]:
    """Return a readable film of each label, as it is and as augmented in `PASSES` epochs.

    Args:
        root: folder that the films' paths are relative to.
        films: the manifest's rows of all training films of a run, in its order.
        recipe: the run's.
        augmentation: the run's.
        seed: the run's.
        first: the first of the epochs, from 0.

    Returns:
        For each film 1 + `PASSES` PNG files; no film if none can be read.
    """
    rows = []
    for row, pixels in _readable(root, films, recipe):
        shown = [pixels]
        for number in range(first, first + PASSES):
            place = np.flatnonzero(pipeline.order(len(films), seed, number) == row)
            drawn = changes.draw(augmentation, recipe.size, len(films), seed, number)
            shown.append(changes.preview(pixels[None], drawn[place])[0])
        rows.append([pictures.network_picture(film) for film in shown])
    return rows


def _readable(
    root: Path, films: pd.DataFrame, recipe: PixelRecipe
) -> Iterator[tuple[int, np.ndarray]]:
    """Row and pixels of the first readable film of each label, positive before negative."""
    for label in (1, 0):
        for row in islice(np.flatnonzero(films["label"] == label), TRIES):
            with suppress(FilmError):
                yield int(row), images.load(root / films["path"].iloc[row], recipe)
                break


def html(films: Sequence[Sequence[bytes]], first: int) -> str:
    """Format a row of pictures for each film of `examples`, under one row of words."""
    words = ["original", *(f"epoch {number + 1}" for number in range(first, first + PASSES))]
    heads = "".join(f"<span>{word}</span>" for word in words)
    body = "".join(
        _picture(content, f"Training film {row}, {word}")
        for row, film in enumerate(films, 1)
        for content, word in zip(film, words, strict=True)
    )
    return f'<div style="{_TABLE}">{heads}{body}</div>'


def _picture(content: bytes, words: str) -> str:
    address = f"data:image/png;base64,{base64.b64encode(content).decode()}"
    return f'<img style="{_FILM}" alt="{words}" src="{address}">'
