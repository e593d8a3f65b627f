"""Prediction tables made up in the shape of MURA's: studies of one to five films, patients."""

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from fracture_core import checksums
from fracture_core.config.train_config import TrainConfig
from fracture_core.folders import runs_folder
from fracture_core.models import model_files, released_models
from fracture_core.models.model_card import Card
from fracture_core.models.model_files import CARD
from fracture_core.releases import release
from fracture_core.verdicts import aggregation
from tests.core import made_runs

VIEWS = (0.10, 0.30, 0.36, 0.16, 0.08)  # shares of studies with 1, 2, ... films
PER_PATIENT = 1.5  # studies


def films(
    studies: int,
    seed: int = 0,
    split: str = "valid",
    role: str = "valid",
    skill: float = 2.0,
    prevalence: float = 0.45,
) -> pd.DataFrame:
    """Return films with their probabilities: manifest columns, role and `probability`.

    A study's films share an offset, its patient's studies another one, so that neither errs
    independently.

    Args:
        studies: number of studies.
        seed: of the draw.
        split: of the films.
        role: of the films.
        skill: logits between a positive and a negative film.
        prevalence: share of positive studies.
    """
    rng = np.random.default_rng(seed)
    views = rng.choice(len(VIEWS), studies, p=VIEWS) + 1
    patient = rng.integers(0, max(1, int(studies / PER_PATIENT)), studies)
    label = rng.random(studies) < prevalence
    of_patient = rng.normal(0, 0.5, studies)[patient]
    base = np.where(label, skill / 2, -skill / 2 - 1) + of_patient + rng.normal(0, 0.7, studies)
    place = np.repeat(np.arange(studies), views)
    logits = base[place] + rng.normal(0, 1.0, len(place))
    view = np.concatenate([np.arange(n) for n in views])
    part = np.array(["elbow", "hand", "shoulder", "wrist"])[patient % 4]
    table = pd.DataFrame(
        {
            "split": split,
            "part": part[place],
            "patient": [f"patient{number:05d}" for number in patient[place]],
            "study": [f"study{number + 1}" for number in place],
            "view": view,
            "label": label[place].astype(int),
            "role": role,
            "probability": (1 / (1 + np.exp(-logits))).astype(np.float32),
        }
    )
    names = (table["study"] + "/" + table["view"].astype(str)).radd(f"{role}/") + ".png"
    return table.assign(path=names)


def run(name: str, dev: pd.DataFrame, valid: pd.DataFrame) -> Path:
    """Write a run of one epoch with these predictions; its weights hold nothing."""
    rows = pd.concat([dev, valid], ignore_index=True)
    config = TrainConfig(data="made", architecture="three_conv", epochs=1)
    folder = made_runs.make(runs_folder() / name, config, {"dev": [1], "valid": [1]}, studies=2)
    rows.drop(columns="probability").to_parquet(folder / "films.parquet")
    np.save(folder / "predictions" / "epoch_0001.npy", rows["probability"].to_numpy(np.float32))
    h5py.File(folder / "checkpoints" / "epoch_0001.weights.h5", "w").close()
    return folder


def released(name: str, dev: pd.DataFrame, synthetic: bool = True) -> Path:
    """Publish a model with these dev predictions; its weights hold nothing."""
    card = Card(
        name=name,
        architecture="three_conv",
        threshold_origin="set before training",
        training={"root": "made", "kind": "mura", "hash": "made", "synthetic": synthetic},
        metrics={"dev": {k: v.to_dict() for k, v in aggregation.summaries(dev, 0.5).items()}},
    )
    return release.publish(name, card, b"no weights", dev.drop(columns="role"))


def replace_dev(folder: Path, dev: pd.DataFrame) -> None:
    """Give a released model other dev predictions, and the card that belongs to them."""
    card = released_models.read(folder).card
    dev.drop(columns="role").to_parquet(folder / model_files.PREDICTIONS, index=False)
    card = replace(card, predictions_sha256=model_files.sha256(folder / model_files.PREDICTIONS))
    (folder / CARD).write_bytes(checksums.json_with_own(card.to_dict()))
