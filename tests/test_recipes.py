"""The four recipes of docs/architecture.md, carried out."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fracture_core.cli import command_line
from fracture_core.networks import architectures, network_size
from ui.shell import frame

PROJECT = Path(__file__).resolve().parent.parent


def test_a_network_is_an_entry_of_the_registry(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def thin(x: Any) -> Any:
        from keras import layers

        return layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, activation="relu")(x))

    like = architectures.ARCHITECTURES["all_conv"]
    entry = dataclasses.replace(
        like, name="thin", title="Thin", sentence="Four filters.", parameters=45, features=thin
    )
    shape = network_size.Shape(blocks=((4, 1, False),), dense=(), average=True)
    monkeypatch.setitem(architectures.ARCHITECTURES, "thin", entry)
    monkeypatch.setitem(network_size.SHAPES, "thin", shape)
    network = architectures.build("thin", size=32)
    assert network.count_params() == entry.parameters
    predicted = network.predict(np.zeros((2, 32, 32, 1), np.float32), verbose=0)
    assert predicted.shape == (2, 1) and ((predicted >= 0) & (predicted <= 1)).all()
    assert command_line.main(["architectures", "--json"]) == 0
    listed = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert listed["thin"]["parameters"] == entry.parameters


def test_a_page_is_a_script_and_its_name() -> None:
    scripts = {path.stem for path in PROJECT.glob("pages/*.py")}
    assert set(frame.PAGES) == scripts
    for name in scripts:
        text = (PROJECT / "pages" / f"{name}.py").read_text(encoding="utf-8")
        assert "frame.only_through_app()" in text
        assert len(text.splitlines()) < 80
        assert (PROJECT / "tests" / "pages" / f"test_{name}.py").is_file()
