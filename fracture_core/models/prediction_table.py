"""Table of a model's predictions: the films that it was not trained on, with a probability each."""

from pathlib import Path

import pandas as pd

from fracture_core import file_reader
from fracture_core.config.reference import Reference
from fracture_core.datasets import manifest_file
from fracture_core.epochs import predictions
from fracture_core.errors import FileRefused
from fracture_core.models.model import Model
from fracture_core.runs import run_folders

COLUMNS = {**manifest_file.MANIFEST, "probability": "number"}


def read(source: Path | bytes) -> pd.DataFrame:
    """Read a table of predicted films: manifest columns and `probability`.

    The table of an ensemble has the columns `member_1`, `member_2`... as well.

    Args:
        source: the parquet file's path, or its content.

    Raises:
        FileRefused: it is missing, damaged, or has a label or probability out of range.
    """
    films = file_reader.read_table(source, COLUMNS, others=True)
    file = source.name if isinstance(source, Path) else "the table"
    scores = [name for name in films if name == "probability" or str(name).startswith("member_")]
    for name in scores:
        if films[name].dtype.kind != "f" or not films[name].between(0, 1).all():
            raise FileRefused(file, f"holds a {name} that is not from 0 to 1")
    if not films["label"].isin([0, 1]).all():
        raise FileRefused(file, "holds a label that is neither 0 nor 1")
    return films


def of_model(model: Model) -> pd.DataFrame:
    """Return all films of a model's prediction table: its dev films, and a run's valid films.

    Returns:
        Manifest columns and `probability`, one row per film.
    """
    reference = Reference.parse(model.reference)
    if reference is None:
        return model.dev_films
    return predictions.with_films(run_folders.find(reference.run), reference.epoch)
