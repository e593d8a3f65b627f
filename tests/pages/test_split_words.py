"""Words on the split beside the figures: films of one person may be on both sides of it."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from fracture_core.config.train_config import TrainConfig
from fracture_core.datasets import catalog, chosen_data
from fracture_core.runs import run_folders
from fracture_core.runs.run_facts import SHARED_PATIENTS, DataFacts
from tests.core import made_runs

APP = str(Path(__file__).parents[2] / "app.py")


@pytest.fixture
def nameless(folders: Path) -> Path:
    """Class folders in use, and a run on them."""
    root = folders / "classes"
    for name in ("broken", "whole"):
        (root / name).mkdir(parents=True)
        for index in range(12):
            pixels = np.random.default_rng(index).integers(0, 256, (40, 40), np.uint8)
            Image.fromarray(pixels).save(root / name / f"{index}.png")
    chosen_data.choose(root, "broken")
    data = catalog.read(root, "broken")
    facts = {"hash": data.hash, "kind": data.kind, "names_patients": False, "synthetic": False}
    config = TrainConfig(data=str(root), positive="broken", architecture="three_conv")
    made_runs.make(folders / "runs" / "made", config, {"dev": [12], "valid": [11]}, data=facts)
    return folders / "runs" / "made"


def words(page: str, **address: str) -> str:
    app = AppTest.from_file(APP, default_timeout=60)
    app.query_params.update(address)
    app = app.switch_page(f"pages/{page}.py").run()
    assert not app.exception
    return "\n".join(each.value for each in (*app.markdown, *app.caption)).replace("\\", "")


@pytest.mark.parametrize(
    ("page", "address"),
    [("train", {}), ("train", {"run": "made"}), ("runs", {})],
)
def test_shared_patients_are_said_wherever_a_figure_stands(
    nameless: Path, page: str, address: dict[str, str]
) -> None:
    assert SHARED_PATIENTS in words(page, **address)


def test_a_split_by_patients_has_no_such_words(run_copy: Path) -> None:
    assert SHARED_PATIENTS not in words("train", run="finished") + words("runs") + words("train")
    assert "Split by patient." in words("evaluate", model="finished")


def test_a_split_is_told_in_words() -> None:
    families = {"families": 1, "films": 3}
    assert DataFacts().split_words == ""
    assert DataFacts(kind="mura").split_words == "Split by patient."
    kept = DataFacts(kind="mura", families=families).split_words
    assert kept == (
        "Split by patient and by family: 1 family of copies kept on one side, 3 training films "
        "left out since a copy is in another split."
    )
    assert DataFacts(kind="class_folders").split_words == f"Split by film. {SHARED_PATIENTS}"
    named = DataFacts(kind="class_folders", names_patients=True)
    assert named.split_words == "Split by patient." and not named.without_patients


def test_a_real_run_writes_what_its_data_name(finished_run: Path) -> None:
    assert run_folders.read(finished_run).data.names_patients is True
