"""Comparison of twin runs: the same bits in all that seed and settings determine."""

import json
from pathlib import Path

import h5py
import numpy as np

from fracture_core.epochs import checkpoints


def weights(path: Path) -> dict[str, bytes]:
    """Return all arrays of a weights file."""
    arrays = {}
    with h5py.File(path) as file:
        file.visititems(
            lambda name, node: (
                arrays.update({name: node[()].tobytes()})
                if isinstance(node, h5py.Dataset)
                else None
            )
        )
    return arrays


def left_behind(folder: Path) -> dict[str, object]:
    """Return all that seed and settings determine of a finished run."""
    last = checkpoints.states(folder / "checkpoints")[0]
    with np.load(last) as state:
        arrays = {name: state[name].tobytes() for name in state.files if name[0] in "vt"}
        position = json.loads(str(state["position"]))
    tables = {path.name: path.read_bytes() for path in (folder / "predictions").iterdir()}
    files = sorted((folder / "checkpoints").glob("epoch_????.weights.h5"))
    return {
        "metrics": (folder / "metrics.jsonl").read_bytes(),
        "tables": tables,
        "weights": {path.name: weights(path) for path in files},
        "optimizer": arrays,
        "position": (last.name, position),
    }


def differences(one: Path, other: Path) -> list[str]:
    """Return the names of the results of two finished runs that differ."""
    first, second = left_behind(one), left_behind(other)
    return [key for key in first if first[key] != second[key]]


def assert_twins(one: Path, other: Path) -> None:
    """Assert that both runs have the same results, to the last bit."""
    assert differences(one, other) == []
