"""Values of a sweep's settings, as they are typed."""

import pytest

from fracture_core.config.train_config import TrainConfig
from fracture_core.errors import ConfigError
from fracture_core.sweeps import axes
from fracture_core.sweeps.axes import Axis


@pytest.mark.parametrize(
    ("text", "path", "values"),
    [
        ("learning-rate=0.001,0.0003", "learning_rate", (0.001, 0.0003)),
        ("size = 64, 96", None, None),
        ("--size=64,96", "recipe.size", (64, 96)),
        ("recipe.size=64,96", "recipe.size", (64, 96)),
        ("dense=128,64;none", "options.dense", ((128, 64), None)),
        ("optimizer=adam,sgd", "optimizer", ("adam", "sgd")),
        ("horizontal-flip=on,off", "augmentation.horizontal_flip", (True, False)),
        ("architecture=three_conv,five_conv", "architecture", ("three_conv", "five_conv")),
    ],
)
def test_values_are_read_as_the_setting_has_them(
    text: str, path: str | None, values: tuple[object, ...] | None
) -> None:
    if path is None:
        with pytest.raises(ConfigError, match="cannot vary 'size '"):
            axes.parse(text)
        return
    assert axes.parse(text) == Axis(path=path, values=values or ())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("seed=1,2", "cannot vary 'seed'"),
        ("dev-share=0.1,0.2", "cannot vary 'dev-share'"),
        ("data=a,b", "cannot vary 'data'"),
        ("learning-rate=0.001", "needs 2 to 12 different values"),
        ("learning-rate", "received none"),
        ("learning-rate=0.001,0.001", "Give each value once"),
        ("learning-rate=fast,slow", "Learning rate must be a number; received 'fast'"),
        ("epochs=1.5,2", "Epochs must be a whole number"),
        ("optimizer=adam,magic", "must be adam or adamw"),
        ("horizontal-flip=yes,no", "must be on or off"),
    ],
)
def test_what_cannot_be_swept_is_refused_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        axes.parse(text)


def test_every_combination_is_made_and_must_be_usable() -> None:
    base = TrainConfig(data="films")
    rates, sizes = axes.parse("learning-rate=0.001,0.0003"), axes.parse("size=32,64")
    made = axes.combinations(base, [rates, sizes])
    assert len(made) == 4 and made[1] == {"learning_rate": 0.001, "recipe.size": 64}
    with pytest.raises(ConfigError, match="Name each setting once"):
        axes.combinations(base, [rates, rates])
    with pytest.raises(ConfigError, match="1 to 3 different settings; received none"):
        axes.combinations(base, [])
    with pytest.raises(ConfigError, match="size must be from 24 to 512; received 8"):
        axes.combinations(base, [axes.parse("size=8,64")])
