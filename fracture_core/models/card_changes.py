"""Changes of a released model's card: one writer at a time, and the card is written last.

Whatever a card names by its checksum is written before it, beside the file that the old card names:
a kill between the two leaves the old card whole.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fracture_core import checksums, locks
from fracture_core.files import replace_file
from fracture_core.models import released_models
from fracture_core.models.model import Model
from fracture_core.models.model_card import Card
from fracture_core.models.model_files import CARD

LOCK = ".lock"  # in the model's folder


@contextmanager
def changing(folder: Path) -> Iterator[Model]:
    """Give a released model as it is now, and keep other writers of its card waiting.

    Args:
        folder: of the model.

    Raises:
        ModelError: it is not whole.
        WriteFailed: its folder cannot be written to.
    """
    with locks.held(folder / LOCK):
        yield released_models.read(folder)


def write(folder: Path, card: Card) -> None:
    """Write a card, with its own checksum, while `changing` holds the model.

    Raises:
        WriteFailed: the card cannot be written; the one before is unchanged.
    """
    replace_file(folder / CARD, checksums.json_with_own(card.to_dict()))
