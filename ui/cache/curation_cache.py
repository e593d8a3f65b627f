"""Saved selections and corrected labels of a data set, read again once their files change."""

from fracture_core.curation import corrections, selections
from fracture_core.curation.corrections import Corrections
from fracture_core.curation.selections import Selection
from fracture_core.errors import DataError
from fracture_core.models.model import Model
from ui.cache import shared_cache


def saved(data_hash: str) -> tuple[Selection, ...]:
    """Return a data set's saved selections by name; those that cannot be read are left out."""
    folder = selections.folder_of(data_hash)
    paths = tuple(sorted(folder.glob("*.json")))
    return shared_cache.of_files(
        "selections", (folder, *paths), (data_hash,), lambda: selections.every(folder)
    )


def named(data_hash: str, name: str) -> Selection | None:
    """Return the saved selection of this name; `None` for none."""
    return next((each for each in saved(data_hash) if each.name == name), None)


def corrected(data_hash: str) -> Corrections:
    """Return a data set's corrected labels; none where their file is damaged, see `damage`."""
    return _corrected(data_hash)[0]


def by_corrected_labels(model: Model) -> Model:
    """Return a model whose kept films have the corrected labels of its training data."""
    return model.relabelled(corrected(str(model.card.data.hash)))


def damage(data_hash: str) -> str:
    """Return why the corrected labels of a data set cannot be read; "" if they can."""
    return _corrected(data_hash)[1]


def _corrected(data_hash: str) -> tuple[Corrections, str]:
    def read() -> tuple[Corrections, str]:
        try:
            return corrections.read(data_hash), ""
        except DataError as error:
            return Corrections(), str(error)

    path = corrections.file_of(data_hash)
    return shared_cache.of_files("corrections", (path,), (data_hash,), read)
