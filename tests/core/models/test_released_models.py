"""Released models: no prediction with files that do not belong to the card."""

import json
import shutil
from pathlib import Path

import pytest

from fracture_core.errors import ModelError
from fracture_core.models import model_files, stored_models
from fracture_core.releases import release


@pytest.fixture
def model(run_copy: Path) -> Path:
    """The finished run, released."""
    return release.release("finished", "first-model")


@pytest.mark.parametrize("name", [model_files.WEIGHTS, model_files.PREDICTIONS])
def test_a_model_with_a_missing_file_is_refused_by_its_name(model, name) -> None:
    (model / name).unlink()
    with pytest.raises(ModelError, match=f"first-model is no whole model: {name} is missing"):
        stored_models.find("first-model")


def test_weights_that_the_card_was_not_written_for_are_refused(model, run_copy) -> None:
    others = {1, 2, 3} - {stored_models.find("first-model").card.epoch}
    weights = run_copy / "checkpoints" / f"epoch_{others.pop():04d}.weights.h5"
    shutil.copy(weights, model / model_files.WEIGHTS)
    with pytest.raises(ModelError, match="weights of first-model are not those"):
        stored_models.find("first-model")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"name": "x"}', '{"name": "x", "architecture": 3}', "\xff"]
)
def test_a_card_that_cannot_be_read_is_refused(model, text) -> None:
    (model / model_files.CARD).write_bytes(text.encode("latin-1"))
    with pytest.raises(ModelError, match="The card of first-model cannot be read"):
        stored_models.find("first-model")


@pytest.mark.parametrize("content", [b"", b"PAR1", b"text"])
def test_predictions_that_cannot_be_read_are_refused(model, content) -> None:
    (model / model_files.PREDICTIONS).write_bytes(content)
    with pytest.raises(ModelError, match=r"dev_predictions\.parquet of first-model cannot be read"):
        stored_models.find("first-model")


def test_an_unknown_card_key_is_refused(model) -> None:
    card = json.loads((model / model_files.CARD).read_text())
    (model / model_files.CARD).write_text(json.dumps({**card, "code": "print()"}))
    with pytest.raises(ModelError, match="does not know 'code'"):
        stored_models.find("first-model")
