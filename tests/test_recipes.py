"""The four recipes of docs/architecture.md, carried out."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fracture_core.cli import command_line
from fracture_core.data_folders import film_listing
from fracture_core.datasets import catalog
from fracture_core.networks import architectures, network_size
from fracture_core.readers import layouts
from ui.shell import frame

PROJECT = Path(__file__).resolve().parent.parent


def test_a_network_is_an_entry_of_the_registry(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def normalized(x: Any) -> Any:
        from fracture_core.networks.layers import BatchNormalization

        return BatchNormalization()(x)

    def thin(x: Any) -> Any:
        from keras import layers

        return layers.GlobalAveragePooling2D()(layers.ReLU()(normalized(layers.Conv2D(4, 3)(x))))

    like = architectures.ARCHITECTURES["all_conv"]
    entry = dataclasses.replace(
        like, name="thin", title="Thin", sentence="Four filters.", parameters=61, features=thin
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


def test_a_reader_of_data_sets_is_a_function_and_two_entries(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = folders / "flat"
    root.mkdir()
    (root / "flat.txt").touch()
    for name in ("broken_1.png", "whole_2.png"):
        (root / name).touch()

    def scan(root: Path, positive: str | None) -> film_listing.Listing:
        listing = film_listing.Listing()
        for path in sorted(root.glob("*.png")):
            label = int(path.name.startswith("broken"))
            listing.rows.append(("train", "wrist", path.stem, path.stem, 0, label, path.name))
        return listing

    monkeypatch.setitem(layouts.ROOTS, "flat", lambda root: (root / "flat.txt").exists())
    monkeypatch.setitem(catalog.READERS, "flat", scan)
    dataset = catalog.read(root)
    assert (dataset.kind, dataset.manifest["label"].tolist()) == ("flat", [1, 0])
    assert catalog.studies(dataset.manifest)["part"].tolist() == ["wrist", "wrist"]


def test_a_page_is_a_script_and_its_name() -> None:
    scripts = {path.stem for path in PROJECT.glob("pages/*.py")}
    assert set(frame.PAGES) == scripts
    for name in scripts:
        text = (PROJECT / "pages" / f"{name}.py").read_text(encoding="utf-8")
        assert "frame.only_through_app(" in text
        assert len(text.splitlines()) < 80
        assert (PROJECT / "tests" / "pages" / f"test_{name}.py").is_file()


NEW_SETTING = '''
import importlib.util, shlex, sys
from pathlib import Path

spec = importlib.util.find_spec("fracture_core.config.train_config")
source = Path(spec.origin).read_text(encoding="utf-8")
anchor = "    seed: int = _learning("
assert source.count(anchor) == 1
field = """    clip_norm: float = _learning(
        1.0, "Clipping", "largest norm of a gradient", limits=(0.0, 5.0)
    )
"""
config = importlib.util.module_from_spec(spec)
sys.modules["fracture_core.config.train_config"] = config
exec(compile(source.replace(anchor, field + anchor), spec.origin, "exec"), config.__dict__)

from streamlit.testing.v1 import AppTest

from fracture_core.analysis import comparison
from fracture_core.cli import command_line, setting_options
from fracture_core.errors import ConfigError
from fracture_core.runs import training_command
from ui.runs import table_columns

changed = setting_options.config_of(command_line.parse(["train", "x", "--clip-norm", "2"]))
assert changed.clip_norm == 2.0
assert "--clip-norm 2" in training_command.of_config(changed)
words = shlex.split(training_command.of_config(changed))[3:]
assert setting_options.config_of(command_line.parse(words)) == changed
assert config.TrainConfig.from_json(changed.to_json()) == changed
try:
    config.TrainConfig(data="x", clip_norm=6.0)
except ConfigError as error:
    assert "clip_norm must be from 0 to 5" in str(error)
else:
    raise AssertionError("not refused")
assert "clip_norm" in comparison.settings(changed)
assert table_columns._name("clip_norm") == "Clipping"

form = """
from fracture_core.config.train_config import TrainConfig
from ui.train import setting_field, settings
settings._learning(setting_field.Draft(base=TrainConfig(data="x"), preset="demo"))
"""
page = AppTest.from_string(form, default_timeout=60).run()
(shown,) = [n for n in page.number_input if n.label == "Clipping"]
assert (shown.value, shown.help) == (1.0, "Largest norm of a gradient. From 0 to 5.")
print("done")
'''


def test_a_setting_is_a_field_of_the_config() -> None:
    command = [sys.executable, "-c", NEW_SETTING]
    printed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    assert printed.stdout == "done\n", printed.stderr
