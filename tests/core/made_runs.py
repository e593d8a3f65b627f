"""Run folders written without training: small, and quickly made in numbers."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fracture_core.config.train_config import TrainConfig

START = datetime(2026, 1, 1, tzinfo=UTC)
LENGTH = 100  # training films


def make(
    folder: Path,
    config: TrainConfig,
    right: dict[str, list[int]],
    studies: int = 20,
    number: int = 0,
    state: str = "finished",
    **facts: Any,
) -> Path:
    """Write a run of one film per study, with this number of right studies in each epoch.

    Args:
        folder: of the run.
        config: its settings.
        right: role ("dev", "valid") -> number of right studies after each epoch.
        studies: of each role; every second one is positive.
        number: of the run, for its time: later ones are newer.
        state: in its status.
        **facts: as in `config.json`; "parent" and "data" for instance.
    """
    for part in ("checkpoints", "predictions", "requests"):
        (folder / part).mkdir(parents=True)
    epochs = len(next(iter(right.values()), []))
    created = (START + timedelta(minutes=number)).isoformat()
    data = {"hash": "made", "synthetic": True}
    content = {"config": config.to_dict(), "created": created, "data": data, **facts}
    (folder / "config.json").write_text(json.dumps(content))
    status = {"state": state, "epoch": epochs, "epochs": config.epochs, "step": 10 * epochs}
    (folder / "status.json").write_text(json.dumps(status))
    films = _films(list(right), studies)
    films.to_parquet(folder / "films.parquet")
    lines = []
    for epoch in range(1, epochs + 1):
        counts = {role: values[epoch - 1] for role, values in right.items()}
        np.save(folder / "predictions" / f"epoch_{epoch:04d}.npy", _table(films, counts))
        lines.append({**_line(epoch, counts, studies), "learning_rate": config.learning_rate})
    write_lines(folder / "metrics.jsonl", lines)
    return folder


def add_training_films(folder: Path, count: int) -> None:
    """Add training films to a run's list, behind those that its tables cover."""
    films = pd.read_parquet(folder / "films.parquet")
    rows = films.iloc[[0] * count].assign(
        role="train", path=[f"train/{number}.png" for number in range(count)]
    )
    pd.concat([films, rows], ignore_index=True).to_parquet(folder / "films.parquet")


def change_card(card: Path, **values: Any) -> None:
    """Change a model's card, as an older version of this program would have written it."""
    fields = {k: v for k, v in json.loads(card.read_text()).items() if k != "content_sha256"}
    card.write_text(json.dumps(fields | values))


def write_lines(path: Path, lines: list[dict]) -> None:
    """Write JSON lines."""
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def _films(roles: list[str], studies: int) -> pd.DataFrame:
    rows = [
        {
            "split": "train" if role == "dev" else "valid",
            "part": "forearm",
            "patient": f"patient{number:05d}",
            "study": "study1",
            "view": 0,
            "label": number % 2,
            "path": f"{role}/{number}.png",
            "role": role,
        }
        for role in roles
        for number in range(studies)
    ]
    return pd.DataFrame(rows)


def _table(films: pd.DataFrame, counts: dict[str, int]) -> np.ndarray:
    place = films.groupby("role").cumcount()
    right = place < films["role"].map(counts)
    return np.where(right == (films["label"] == 1), 0.9, 0.1).astype(np.float32)


def _line(epoch: int, counts: dict[str, int], studies: int) -> dict[str, Any]:
    line: dict[str, Any] = {"epoch": epoch, "step": 10 * epoch}
    line["train"] = {"loss": 1 / epoch, "accuracy": 0.5 + 0.1 * (epoch > 1), "n": LENGTH}
    for role, count in counts.items():
        share = count / studies
        parts = {"loss": 1 - share, "accuracy": share, "n": studies, "auroc": None}
        line[role] = {**parts, "study_accuracy": share, "studies": studies}
    return line
