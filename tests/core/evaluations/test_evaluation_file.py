"""Stored evaluations: as they were, whole or none."""

from pathlib import Path

import numpy as np
import pytest

from fracture_core import checksums
from fracture_core.errors import WriteFailed
from fracture_core.evaluations import evaluation_file
from tests.core.made_evaluations import by_hand


def test_an_evaluation_comes_back_as_it_was_kept(tmp_path) -> None:
    saved = by_hand()
    assert evaluation_file.load(tmp_path) is None
    evaluation_file.save(tmp_path, saved)
    loaded = evaluation_file.load(tmp_path)
    assert loaded.films.equals(saved.films)
    assert loaded.to_dict() == saved.to_dict()


def test_an_evaluation_that_cannot_be_written_leaves_the_one_before(tmp_path, monkeypatch) -> None:
    evaluation_file.save(tmp_path / "kept", by_hand())
    before = evaluation_file.load(tmp_path / "kept").to_dict()
    real = checksums.replace_file

    def full(path: Path, data: bytes) -> None:
        if path.suffix == ".json":
            raise WriteFailed("No space left on device.")
        real(path, data)

    monkeypatch.setattr(checksums, "replace_file", full)
    with pytest.raises(WriteFailed):
        evaluation_file.save(tmp_path / "kept", by_hand(0.9))
    assert evaluation_file.load(tmp_path / "kept").to_dict() == before


def test_a_kept_evaluation_that_was_changed_is_none(tmp_path) -> None:
    evaluation_file.save(tmp_path, by_hand())
    films = next(tmp_path.glob("films-*.parquet")).name
    for name in (films, "evaluation.json"):
        whole = (tmp_path / name).read_bytes()
        other = by_hand().films.assign(probability=np.float32(0.9)).to_parquet(None)
        changed = other if name == films else whole.replace(b'"valid"', b'"train"')
        assert changed != whole
        (tmp_path / name).write_bytes(changed)
        assert evaluation_file.load(tmp_path) is None, name
        (tmp_path / name).write_bytes(whole)
    assert evaluation_file.load(tmp_path) is not None
    (tmp_path / checksums.SUMS).unlink()  # an older version's: it is made again in a minute
    assert evaluation_file.load(tmp_path) is None
