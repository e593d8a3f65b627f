"""A data set as a run sees it: with its selection and its corrected labels."""

from dataclasses import dataclass, replace

from fracture_core.config.train_config import TrainConfig
from fracture_core.curation import corrections, selections
from fracture_core.curation.corrections import Corrections
from fracture_core.curation.selections import Selection
from fracture_core.datasets.catalog import Dataset


@dataclass(frozen=True, kw_only=True)
class CuratedData:
    """A data set under a run's settings.

    Args:
        dataset: its manifest has the corrected labels, and the selection's films only in training.
        corrections: that it has; `None` for the data's own labels.
        selection: that training is limited to; `None` for all studies.
    """

    dataset: Dataset
    corrections: Corrections | None
    selection: Selection | None


def of_config(dataset: Dataset, config: TrainConfig) -> CuratedData:
    """Return a data set as a run of these settings sees it.

    Raises:
        DataError: there is no such selection or no corrected label, or their file is damaged.
    """
    value = corrections.made(dataset.hash) if config.corrections else None
    if value:
        dataset = corrections.apply(dataset, value)
    chosen = None
    if config.selection:
        chosen = selections.read(selections.folder_of(dataset.hash), config.selection)
        dataset = replace(dataset, manifest=selections.training_rows(dataset.manifest, chosen))
    return CuratedData(dataset=dataset, corrections=value, selection=chosen)
