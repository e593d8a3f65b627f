"""Networks of the user's own: no code runs unasked, and each error is a sentence with its line."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from fracture_core.config.network_options import OWN, NetworkOptions, OwnNetwork
from fracture_core.config.train_config import TrainConfig
from fracture_core.errors import ConfigError, ModelError
from fracture_core.networks import architectures, network_size
from fracture_core.own_networks import allowed, source
from fracture_core.runs import run_folders, training_command
from tests.core import made_networks
from tests.core.made_networks import PLAIN


def build(own: OwnNetwork, **options: object):
    return architectures.build(OWN, own.size, own=own.to_dict(), **options)


def test_code_runs_only_where_the_owner_has_allowed_this_very_text(folders: Path) -> None:
    mark = folders / "mark"
    text = f"open({str(mark)!r}, 'w').close()\n{PLAIN}"
    with pytest.raises(ModelError, match=r"mine.py \([0-9a-f]{8}\) is code .* --allow"):
        build(made_networks.of(text, allow=False))
    made_networks.of(PLAIN)  # another text
    with pytest.raises(ModelError):
        build(made_networks.of(text, allow=False))
    assert not mark.exists()
    assert build(made_networks.of(text)).output_shape == (None, 1)
    assert mark.exists()


def test_a_run_of_code_that_is_not_allowed_is_not_made(folders: Path) -> None:
    own = made_networks.of(PLAIN, allow=False)
    config = TrainConfig(data="films", architecture=OWN, options=NetworkOptions(own=own))
    with pytest.raises(ModelError, match="not allowed"):
        run_folders.create(config, "foreign")
    assert run_folders.names() == []


def test_a_permission_is_a_file_of_its_own_that_can_be_deleted(folders: Path) -> None:
    own, other = made_networks.of(PLAIN), made_networks.of(f"{PLAIN}#")
    file = folders / "cache" / "allowed_networks" / own.sha256
    assert file.read_text() == "mine.py\n"
    file.unlink()
    assert not allowed.is_allowed(own.sha256) and allowed.is_allowed(other.sha256)
    allowed.allow(own.sha256, own.file)
    assert allowed.is_allowed(own.sha256)


def test_a_changed_source_is_refused() -> None:
    own = made_networks.of(PLAIN, allow=False)
    with pytest.raises(ConfigError, match=r"source of mine.py is not the one .* sha256"):
        OwnNetwork.from_dict(own.to_dict() | {"source": f"{PLAIN}#"})


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"file": "../mine.py"}, "plain name"),
        ({"file": "a\nb.py"}, "plain name"),
        ({"file": "a\u202eb.py"}, "plain name"),
        ({"source": f"{PLAIN}# \u061c"}, r"U\+061C in line 6"),
        ({"source": "#" * 40_000}, "32768"),
        ({"source": f"{PLAIN}# \u202e"}, r"mine.py holds U\+202E in line 6"),
        ({"source": "\x1b[2K"}, r"U\+001B in line 1"),
        ({"size": 5}, "size must be from"),
        ({"parameters": 10**9}, "parameters must be from"),
        ({"width": 0}, "width must be from"),
        ({"values": -1}, "values must be from"),
        ({"mega_flop": float("nan")}, "mega_flop must be from"),
    ],
)
def test_a_card_cannot_name_what_is_out_of_range(values: dict[str, object], sentence: str) -> None:
    text = str(values.get("source", PLAIN))
    with pytest.raises(ConfigError, match=sentence):
        made_networks.of(text, allow=False, **{k: v for k, v in values.items() if k != "source"})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("def features(films)\n    return films", r"mine.py, line 1: Python cannot read it"),
        ("x = 1\n\nraise ValueError('no luck')", r"mine.py, line 3: ValueError: no luck"),
        ("import no_such_package", r"line 1: ModuleNotFoundError: No module named"),
        ("def network(films):\n    return films", r"needs a function called features"),
        ("features = 3", r"needs a function called features"),
        ("def features(films, more):\n    return films", r"mine.py: TypeError: features\(\)"),
        ("def features(films):\n    return films.shape[9]", r"mine.py, line 2: IndexError"),
        ("def features(films):\n    return 3", r"it returned int"),
        (
            "import keras\ndef features(films):\n    return keras.ops.sum(films, axis=(1, 2, 3))",
            r"must return maps \(n, h, w, maps\) .* returned \(n,\)",
        ),
        (
            "import keras\ndef features(films):\n    return keras.ops.reshape(films, (1, 32, 32))",
            r"returned \(1, 32, 32\)",
        ),
        (
            "import keras\ndef features(films):\n    return keras.ops.cast(films, 'float16')",
            r"must return float32; it returned float16",
        ),
    ],
)
def test_a_wrong_file_gets_a_sentence_with_its_line(
    folders: Path, text: str, sentence: str
) -> None:
    with pytest.raises(ConfigError, match=sentence):
        build(made_networks.of(text))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"\xff\xfe", "UTF-8"), (b" \n", "is empty"), (b"#" * 40_000, "cannot be read as a network")],
)
def test_a_file_that_is_no_text_is_refused(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "mine.py"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=sentence):
        source.read(path)
    with pytest.raises(ConfigError, match="cannot be read as a network"):
        source.read(tmp_path / "other.py")


def test_line_ends_of_windows_make_the_same_network(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_bytes(b"\xef\xbb\xbf" + PLAIN.replace("\n", "\r\n").encode())
    assert source.read(path) == PLAIN


def test_its_measures_are_those_of_the_network(folders: Path) -> None:
    own = made_networks.example()
    for options in ({}, {"dense": (8,), "dropout": 0.5, "dense_normalization": True}):
        network = build(own, **options)
        size = network_size.of(OWN, 32, NetworkOptions(own=own, **options))
        assert network.count_params() == size.parameters
    assert own.width == 64
    predicted = network.predict(np.zeros((2, 32, 32, 1), np.float32), verbose=0)
    assert predicted.shape == (2, 1)


def test_file_and_architecture_cannot_contradict_each_other() -> None:
    own = made_networks.of(PLAIN, allow=False)
    with pytest.raises(ConfigError, match="--network-file FILE"):
        network_size.check(OWN, 32, NetworkOptions())
    with pytest.raises(ConfigError, match="cannot stand beside five_conv"):
        network_size.check("five_conv", 32, NetworkOptions(own=own))
    with pytest.raises(ConfigError, match="checked for films of 32 px; received 64 px"):
        network_size.check(OWN, 64, NetworkOptions(own=own))


def test_settings_hold_it_whole_and_those_of_before_have_none() -> None:
    own = made_networks.of(PLAIN, allow=False)
    config = TrainConfig(data="films", architecture=OWN, options=NetworkOptions(own=own))
    assert TrainConfig.from_json(config.to_json()) == config
    assert config.network == f"mine.py ({own.sha256[:8]})"
    assert "--architecture own --network-file mine.py" in training_command.of_config(config)
    before = dataclasses.replace(config, architecture="five_conv", options=NetworkOptions())
    values = before.to_dict()
    del values["options"]["own"]
    assert TrainConfig.from_dict(values) == before
    assert before.network == "five_conv"
