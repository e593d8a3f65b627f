"""Models on disk, each found by its name: a released model, or an epoch of a run."""

from fracture_core.models import epoch_models, model_names, released_models
from fracture_core.models.model import Model


def find(reference: str) -> Model:
    """Return the model of this name.

    Args:
        reference: a name in `models/`, a run (its best dev epoch, else its last), `RUN@EPOCH`, or
            the path of a folder with a card.

    Raises:
        ModelError: there is none, or its card or files are not whole.
        RunError: the run has no such epoch.
    """
    place = model_names.place(reference)
    if place.run:
        return epoch_models.of_run(place.folder, place.epoch)
    return released_models.read(place.folder)
