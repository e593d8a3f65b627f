"""The check of a network of the user's own, before a run is made."""

import json
from pathlib import Path

import pytest

from fracture_core.errors import ConfigError, ModelError
from fracture_core.training import network_check
from tests.core import made_networks

HEAD = "import keras\nfrom keras import layers\n"
LAYER = (
    HEAD
    + """
class Own(keras.layers.Layer):
    def __init__(self, factor{default}, **options):
        super().__init__(**options)
        self.factor = factor
{config}
    def call(self, films, training=False):
        {call}

def features(films):
    return layers.Conv2D(4, 3)(Own(2.0)(films))
"""
)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            f"{HEAD}def features(films):\n    return layers.Dense(4)(layers.Flatten()(films))",
            "needs a keras.layers.Conv2D",
        ),
        (
            f"{HEAD}def features(films):\n    inner = keras.Sequential([layers.Conv2D(4, 3)])\n"
            "    return inner(films)",
            "is a model inside the network",
        ),
        (
            f"{HEAD}def features(films):\n    conv = layers.Conv2D(1, 3)\n"
            "    return conv(conv(films))",
            "is used twice",
        ),
        (
            f"{HEAD}def features(films):\n"
            "    return layers.BatchNormalization(axis=1)(layers.Conv2D(4, 3)(films))",
            "must normalize over the last axis",
        ),
        (
            LAYER.format(
                default="",
                config="\n    def get_config(self):\n        return {}\n",
                call="return films * self.factor",
            ),
            r"\(Own\) cannot be made again .* Give it a get_config",
        ),
        (
            LAYER.format(default="=1.0", config="", call="return films.no_such"),
            r"mine.py, line 10: AttributeError: .*no_such",
        ),
        (
            LAYER.format(default="=1.0", config="", call="return keras.ops.log(films - 2.0)"),
            "must give finite numbers",
        ),
        (
            f"{HEAD}def features(films):\n"
            "    return layers.Conv2D(4, 3)(keras.ops.stop_gradient(layers.Conv2D(1, 3)(films)))",
            r"weights .* do not influence the output",
        ),
    ],
)
def test_a_network_that_cannot_be_trained_is_refused(
    folders: Path, text: str, sentence: str
) -> None:
    with pytest.raises(ConfigError, match=sentence):
        network_check.measures(made_networks.of(text))


@pytest.mark.slow
def test_a_child_checks_the_example_of_the_docs(
    folders: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    own = made_networks.example()
    assert network_check.checked(own.file, own.source, 32) == own
    assert 0 < own.parameters < 100_000 and own.mega_flop > 1


def test_what_a_file_prints_is_not_taken_for_the_result(
    folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = made_networks.of(f"print('{network_check.MARK}{{}}')\n{made_networks.PLAIN}")
    network_check.print_facts(own.file, own.source, 32)
    last = capsys.readouterr().out.splitlines()[-1].removeprefix(network_check.MARK)
    assert json.loads(last)["width"] == 4


@pytest.mark.slow
def test_a_file_that_ends_its_process_ends_no_other(folders: Path) -> None:
    own = made_networks.of("import os\nos._exit(3)")
    with pytest.raises(ModelError, match=r"mine.py ended before its result \(exit status 3\)"):
        network_check.checked(own.file, own.source, 32)
