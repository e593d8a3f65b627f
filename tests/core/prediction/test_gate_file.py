"""The file of a gate: plain arrays, refused if damaged."""

from dataclasses import replace

import numpy as np
import pytest

from fracture_core.errors import ModelError
from fracture_core.prediction import gate_file
from tests.core.made_gates import cloud, fitted


def test_a_gate_survives_its_file(tmp_path) -> None:
    own_gate, path = fitted(), tmp_path / "gate.npz"
    path.write_bytes(gate_file.to_bytes(own_gate))
    read = gate_file.read(path, 6)
    assert read.facts() == own_gate.facts()
    assert (read.parts, read.paths) == (own_gate.parts, own_gate.paths)
    assert np.array_equal(read.distances(cloud(9)), own_gate.distances(cloud(9)))
    with np.load(path, allow_pickle=False) as arrays:  # no pickle in it
        assert {arrays[name].dtype.hasobject for name in arrays.files} == {False}


def test_what_is_no_gate_is_refused_in_a_sentence(tmp_path) -> None:
    own_gate, path = fitted(), tmp_path / "gate.npz"
    content = gate_file.to_bytes(own_gate)
    pickled = tmp_path / "pickled.npz"
    np.savez(pickled, version=np.array([{"x": 1}], dtype=object))
    some = tmp_path / "some.npz"
    np.savez(some, version=1)
    later = tmp_path / "later.npz"
    np.savez(later, version=99)
    holed = replace(own_gate, means=np.full_like(own_gate.means, np.nan))
    for source in (
        content[: len(content) // 2],
        b"no zip",
        b"",
        pickled,
        some,
        later,
        gate_file.to_bytes(holed),
        tmp_path / "nowhere.npz",
    ):
        with pytest.raises(ModelError, match=r"gate cannot be used .* Release the model again"):
            gate_file.read(source, 6)
    bomb = tmp_path / "bomb.npz"
    np.savez_compressed(bomb, version=np.zeros(2**27, np.uint8))
    with pytest.raises(ModelError, match="unpacks to 128 MB"):
        gate_file.read(bomb)
    path.write_bytes(content)
    with pytest.raises(ModelError, match="the network has 7 maps"):
        gate_file.read(path, 7)


def test_damage_anywhere_is_refused_or_harmless() -> None:
    content = gate_file.to_bytes(fitted(60, 60))
    random = np.random.default_rng(0)
    for _ in range(200):
        damaged = bytearray(content)
        damaged[random.integers(len(content))] ^= 1 << int(random.integers(8))
        try:
            read = gate_file.read(bytes(damaged), 6)
        except ModelError as error:
            assert "Release the model again" in str(error)
        else:  # a date or another field of the zip without a reader
            assert np.isfinite(read.distances(cloud(3))).all()
