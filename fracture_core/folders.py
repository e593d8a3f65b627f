"""The project's folders, each of which a variable of the environment may name."""

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent


def runs_folder() -> Path:
    """Return the folder of run folders: `FRACTURE_RUNS`, else `runs/` beside the package."""
    return Path(os.environ.get("FRACTURE_RUNS") or PROJECT / "runs")


def cache_folder() -> Path:
    """Return the folder of files that can be made again: `FRACTURE_CACHE`, else `.cache/`."""
    return Path(os.environ.get("FRACTURE_CACHE") or PROJECT / ".cache")


def phantom_folder() -> Path:
    """Return the folder of the built-in data set, used if no other is chosen."""
    return PROJECT / "data" / "phantom"


def data_folder() -> Path:
    """Return the folder of the data set in use: `FRACTURE_DATA`, else the phantom's folder."""
    return Path(os.environ.get("FRACTURE_DATA") or phantom_folder())


def models_folder() -> Path:
    """Return the folder of released models: `FRACTURE_MODELS`, else `models/`."""
    return Path(os.environ.get("FRACTURE_MODELS") or PROJECT / "models")


def pretrained_folder() -> Path:
    """Return the folder of Keras' files of weights: `FRACTURE_PRETRAINED`, else Keras' own."""
    return Path(os.environ.get("FRACTURE_PRETRAINED") or Path.home() / ".keras" / "models")
