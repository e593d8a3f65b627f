"""File of a gate, `gate.npz`: plain arrays, read without pickle."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from fracture_core import file_reader
from fracture_core.errors import ModelError
from fracture_core.models.model_files import GATE_BYTES, GATE_VERSION
from fracture_core.prediction.gate import Gate

_SCALARS = ("limit", "false_refusal", "calibrated_on", "calibrated_with", "fitted_on")
_ARRAYS = {
    "means": np.float32,
    "centre": np.float32,
    "whitener": np.float32,
    "films": np.float16,
}


def to_bytes(gate: Gate) -> bytes:
    """Return the content of a `gate.npz`: compressed plain arrays, equal bytes for equal gates."""
    arrays = {name: np.asarray(getattr(gate, name)) for name in (*_SCALARS, *_ARRAYS)}
    arrays |= {"parts": np.array(gate.parts, str), "paths": np.array(gate.paths, str)}
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, values in (arrays | {"version": np.asarray(GATE_VERSION)}).items():
            array = io.BytesIO()
            np.lib.format.write_array(array, values, allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy")  # without the time of day
            archive.writestr(entry, array.getvalue(), zipfile.ZIP_DEFLATED)
    return content.getvalue()


def read(source: Path | bytes, width: int | None = None) -> Gate:
    """Read the gate in a `gate.npz`.

    Args:
        source: the file's path, or its content.
        width: number of the network's features; not compared if left out.

    Raises:
        ModelError: it cannot be read, is no gate, or belongs to another network.
    """
    try:
        with file_reader.arrays(source, GATE_BYTES) as stored:
            content = {name: stored[name] for name in stored.files}
        if int(content["version"]) != GATE_VERSION:
            raise ValueError(
                f"it is of version {content['version']}, this program reads {GATE_VERSION}"
            )
        fields: dict[str, Any] = {name: content[name].item() for name in _SCALARS}
        fields |= {name: content[name].astype(kind, copy=False) for name, kind in _ARRAYS.items()}
        gate = Gate(
            **fields,
            parts=tuple(content["parts"].tolist()),
            paths=tuple(content["paths"].tolist()),
        )
        _check_scalars(gate)
        width = gate.whitener.shape[0] if width is None else width
        arrays = (gate.means, gate.centre, gate.whitener, gate.films)
        shapes = tuple(values.shape for values in arrays)
        expected = ((len(gate.parts), width), (width,), (width, width), (len(gate.paths), width))
        if shapes != expected:
            raise ValueError(f"its arrays have the shapes {shapes}, the network has {width} maps")
        if not all(np.isfinite(getattr(gate, name)).all() for name in (*_ARRAYS, "limit")):
            raise ValueError("it holds values that are not finite")
    except Exception as error:  # readers of damaged zips and headers raise many kinds
        raise ModelError(
            f"The model's gate cannot be used ({error}). Release the model again."
        ) from error
    return gate


def _check_scalars(gate: Gate) -> None:
    counts = (gate.calibrated_on, gate.fitted_on)
    shares = isinstance(gate.limit, float) and isinstance(gate.false_refusal, float)
    if not (
        shares
        and 0 < gate.limit < np.inf
        and 0 <= gate.false_refusal <= 1
        and all(type(count) is int and count >= 0 for count in counts)
        and isinstance(gate.calibrated_with, str)
    ):
        raise ValueError("its limit or counts are out of range")
