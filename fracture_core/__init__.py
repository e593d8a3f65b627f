"""Fracture detection on x-ray studies: read films, train networks, predict, evaluate.

The functions here are what a notebook needs; the packages below hold the rest. Importing this
module loads neither NumPy nor TensorFlow: each function imports what it uses.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fracture_core.config.train_config import TrainConfig
    from fracture_core.datasets.catalog import Dataset
    from fracture_core.prediction.inference import Predictor
    from fracture_core.prediction.study_prediction import StudyPrediction
    from fracture_core.runs.run_status import Status

__all__ = [
    "TrainConfig",
    "load_predictor",
    "make_phantom",
    "open_dataset",
    "predict_study",
    "start_training",
    "wait",
]


# Keras reads these when it is imported. This package comes first in every process, so that neither
# ~/.keras/keras.json (a float16 there changes every number) nor a variable changes a result.
os.environ.update(KERAS_BACKEND="tensorflow", KERAS_HOME=os.devnull)
for _name in ("KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH", "KERAS_NNX_ENABLED"):
    os.environ.pop(_name, None)


def __getattr__(name: str) -> object:
    """Load `TrainConfig` when it is first used."""
    if name == "TrainConfig":
        from fracture_core.config.train_config import TrainConfig

        return TrainConfig
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def make_phantom(folder: str | Path, studies: int = 400, seed: int = 0) -> Path:
    """Draw synthetic studies with known breaks, in MURA's layout; return their folder.

    Args:
        folder: is made, or completed if it holds the same set.
        studies: how many, from 1.
        seed: from 0; the same seed gives the same films on one machine.

    Raises:
        ConfigError: `studies` or `seed` is out of range.
        DataError: `folder` holds something else or cannot be written.

    Example:
        >>> folder = make_phantom("films", studies=24)
        >>> sorted(each.name for each in folder.iterdir() if each.is_dir())
        ['train', 'valid']
    """
    from fracture_core.phantom import phantom_set

    phantom_set.make(Path(folder), studies, seed)
    return Path(folder)


def open_dataset(
    folder: str | Path, positive: str | None = None, table: str | None = None
) -> Dataset:
    """Open a data set; its `manifest` is a DataFrame with one row per image.

    Args:
        folder: of MURA, FracAtlas or a phantom set, or a folder of class folders.
        positive: for class folders and tables, the class or label that means a fracture.
        table: a CSV or Parquet file with a row for each film of the folder.

    Raises:
        DataError: there is no data set; the message says what to give.
        ClassesError: class folders, and `positive` is none of the classes.

    Example:
        >>> dataset = open_dataset("films")
        >>> dataset.kind, dataset.synthetic
        ('mura', True)
        >>> list(dataset.manifest.columns)
        ['split', 'part', 'patient', 'study', 'view', 'label', 'path']
    """
    from fracture_core.datasets import catalog

    return catalog.read(Path(folder), positive, table=table)


def start_training(config: TrainConfig, name: str | None = None) -> Path:
    """Start a training run in a child process that outlives this one; return its run folder.

    Args:
        config: what to train, and on which data.
        name: of the run and its folder; made from the settings if left out.

    Raises:
        RunNameTaken: there is a run of this name.
        WriteFailed: the folder of runs cannot be written.

    Example:
        >>> from fracture_core import TrainConfig
        >>> config = TrainConfig(data="films", architecture="three_conv", epochs=1)
        >>> run = start_training(config, "first")
        >>> run.name
        'first'
    """
    from fracture_core.jobs import launcher

    return launcher.create_and_start(config, name)


def wait(run: Path) -> Status:
    """Wait until a run has ended; return its last status.

    Args:
        run: the run's folder, from `start_training`.

    Example:
        >>> status = wait(run)
        >>> status.state.value, status.epoch
        ('finished', 1)
    """
    from fracture_core.jobs import launcher

    return launcher.wait(run)


def load_predictor(model: str) -> Predictor:
    """Load a model, ready to predict.

    Args:
        model: a name in `models/`, a run (its best dev epoch), `RUN@EPOCH`, or the path of a
            folder with a card.

    Raises:
        ModelError: there is none, or its files are damaged.
        RunError: the run has no such epoch.

    Example:
        >>> predictor = load_predictor("first")
        >>> predictor.model.card.architecture
        'three_conv'
    """
    from fracture_core.models import stored_models
    from fracture_core.prediction.inference import Predictor

    return Predictor(stored_models.find(model))


def predict_study(predictor: Predictor, *paths: str | Path) -> Sequence[StudyPrediction]:
    """Predict every film of one or more studies, and apply the OR rule to each study.

    Args:
        predictor: from `load_predictor`.
        paths: a study's folder, a folder of study folders, or films of one study.

    Returns:
        A record per study: `probabilities` of its films, and `verdict(threshold)`, which is `None`
        where no film counts.

    Raises:
        ModelError: a path does not exist, or there is no film in it.

    Example:
        >>> studies = predict_study(predictor, "films/valid")
        >>> all(0 <= p <= 1 for study in studies for p in study.probabilities)
        True
        >>> studies[0].verdict(0.5) in (True, False, None)
        True
    """
    from fracture_core.prediction import inference

    studies = inference.studies_of([Path(path) for path in paths])
    return [predictor.predict_study(name, films) for name, films in studies]
