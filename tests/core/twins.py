"""Whether two runs are twins: the same bits in all that seed and settings determine."""

import json
from pathlib import Path

import h5py
import numpy as np

from fracture_core.runs import checkpoints


def weights(path: Path) -> dict[str, bytes]:
    """Every array of a weights file."""
    found = {}
    with h5py.File(path) as file:
        file.visititems(
            lambda name, node: (
                found.update({name: node[()].tobytes()}) if isinstance(node, h5py.Dataset) else None
            )
        )
    return found


def left_behind(folder: Path) -> dict[str, object]:
    """All that seed and settings determine of a finished run."""
    last = checkpoints.states(folder / "checkpoints")[0]
    with np.load(last) as state:
        arrays = {name: state[name].tobytes() for name in state.files if name[0] == "v"}
        position = json.loads(str(state["position"]))
    tables = {path.name: path.read_bytes() for path in (folder / "predictions").iterdir()}
    kept = sorted((folder / "checkpoints").glob("epoch_????.weights.h5"))
    return {
        "metrics": (folder / "metrics.jsonl").read_bytes(),
        "tables": tables,
        "weights": {path.name: weights(path) for path in kept},
        "optimizer": arrays,
        "position": (last.name, position),
    }


def differences(one: Path, other: Path) -> list[str]:
    """Which of the things that two finished runs left behind differ."""
    first, second = left_behind(one), left_behind(other)
    return [key for key in first if first[key] != second[key]]


def assert_twins(one: Path, other: Path) -> None:
    """Both runs left the same behind, to the last bit; names what differs."""
    assert differences(one, other) == []
