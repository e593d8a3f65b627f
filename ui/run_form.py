"""The form that starts a training run: a preset that can be left alone, and what is behind it."""

import contextlib
import re
from pathlib import Path

import streamlit as st

from fracture_core import cards, datasets, launcher
from fracture_core.architectures import ARCHITECTURES, check, check_weights_file
from fracture_core.config import (
    LIMITS,
    PRESETS,
    Augmentation,
    NetworkOptions,
    PixelRecipe,
    TrainConfig,
    cache_folder,
    parse_units,
    preset,
)
from fracture_core.errors import ConfigError, ModelError, RunNameTaken
from fracture_core.files import replace_file
from fracture_core.reporter import duration
from ui import cached, state, theme

PRESET_TITLES = {"demo": "Demo", "recommended": "Recommended", "report2018": "2018 report"}
PRESET_SENTENCES = {
    "demo": "Three convolutions, 30 epochs: a curve that moves, in about a minute on the phantom.",
    "recommended": "Five convolutions, area-averaged pixels, every film once an epoch, a dev share "
    "to choose the epoch by.",
    "report2018": "As the report did it: nearest-neighbour pixels, 282 steps an epoch, shear of "
    "0.2 degrees, no dev share.",
}


def show() -> None:
    """The form, the command line for the same run, and the button."""
    choice = datasets.chosen()
    name = st.segmented_control(
        "Settings to begin with",
        list(PRESETS),
        default="demo",
        required=True,
        format_func=PRESET_TITLES.get,
        key=state.PRESET,
    )
    st.caption(PRESET_SENTENCES[name])
    base = preset(name, str(choice.root), positive=choice.positive)
    architecture = st.segmented_control(
        "Network",
        list(ARCHITECTURES),
        default=base.architecture,
        required=True,
        format_func=_title,
        key=f"{name}-architecture",
    )
    entry = ARCHITECTURES[architecture]
    st.caption(
        f"{entry.sentence} {entry.parameters:,} parameters at 32 px. Report: {entry.source}."
    )
    left, right = st.columns(2)
    epochs = left.number_input(
        "Epochs (1 to 10,000)", *LIMITS.epochs, value=base.epochs, key=f"{name}-epochs",
        help="Passes over the training films. More can be added later.",
    )  # fmt: skip
    parts = right.multiselect(
        "Body parts", _parts(), placeholder="all parts", key=state.PARTS,
        help="Leave empty for all that are present.",
    )  # fmt: skip
    try:
        with st.expander("More settings"):
            config = _more(base, name, architecture, int(epochs), tuple(parts))
        check(config.architecture, config.recipe.size)
    except (ConfigError, ModelError) as error:
        st.error(str(error), icon=":material/error:")
        return
    st.caption(_cost(config))
    st.button(
        "Start training", type="primary", icon=":material/play_arrow:",
        on_click=_start, args=(config, state.token()), key="start-training",
    )  # fmt: skip
    st.caption("The same run from a terminal:")
    st.code(cards.command(config), language="bash", wrap_lines=True)


def _title(architecture: str) -> str:
    return ARCHITECTURES[architecture].title


def _more(
    base: TrainConfig, name: str, architecture: str, epochs: int, parts: tuple[str, ...]
) -> TrainConfig:
    """The settings that a newcomer can leave alone; each key holds the preset's name, so that
    another preset brings its own values."""

    def number(
        label: str, key: str, value: float, low: float, high: float, **more: object
    ) -> float:
        kind = type(value)
        return kind(
            st.number_input(label, kind(low), kind(high), value, key=f"{name}-{key}", **more)
        )

    own = ARCHITECTURES[architecture].options
    first, second, third = st.columns(3)
    with first:
        st.markdown("**Learning**")
        optimizer = st.segmented_control(
            "Optimizer", ["adam", "adagrad"], default=base.optimizer, required=True,
            format_func={"adam": "Adam", "adagrad": "AdaGrad"}.get, key=f"{name}-optimizer",
        )  # fmt: skip
        rate = number(
            "Learning rate", "rate", base.learning_rate, *LIMITS.learning_rate,
            step=1e-4, format="%.5f",
        )  # fmt: skip
        batch = number("Batch size (films a step)", "batch", base.batch_size, *LIMITS.batch_size)
        seed = number("Seed", "seed", base.seed, 0, 2**31 - 1)
        dev = number(
            "Dev share (%)", "dev", round(base.dev_share * 100), 0, 50,
            help="Share of the training patients set aside to choose the epoch by.",
        )  # fmt: skip
    with second:
        st.markdown("**Network**")
        size = number("Input side (px)", "size", base.recipe.size, *LIMITS.size, step=8)
        dense = st.text_input(
            "Dense layers (units)", ",".join(map(str, own.dense)), key=f"{architecture}-dense"
        )
        dropout = st.number_input(
            "Dropout (%)", 0, 95, round(own.dropout * 100), step=5, key=f"{architecture}-dropout"
        )
        weights = st.file_uploader(
            "Begin with saved weights", type=["h5"], key=f"{architecture}-weights",
            help="A .weights.h5 file of the same network, as this page and the report save them.",
        )  # fmt: skip
    with third:
        st.markdown("**Random changes of films**")
        change = base.augmentation
        turn = number("Rotation (degrees)", "turn", change.rotation_degrees, *LIMITS.degrees)
        zoom = number("Zoom (%)", "zoom", change.zoom_percent, *LIMITS.zoom_percent)
        shear = number("Shear (degrees)", "shear", change.shear_degrees, *LIMITS.degrees)
        flip = st.toggle("Mirror left and right", change.horizontal_flip, key=f"{name}-flip")
    return TrainConfig(
        data=base.data,
        positive=base.positive,
        parts=parts,
        architecture=architecture,
        options=_options(own, dense, dropout / 100),
        recipe=PixelRecipe(size=size, resample=base.recipe.resample, fit=base.recipe.fit),
        augmentation=Augmentation(
            shear_degrees=shear, zoom_percent=zoom, rotation_degrees=turn, horizontal_flip=flip
        ),
        epochs=epochs,
        steps_per_epoch=base.steps_per_epoch,
        batch_size=batch,
        optimizer=optimizer,
        learning_rate=rate,
        seed=seed,
        dev_share=dev / 100,
        weights=_kept(weights),
    )


def _options(own: NetworkOptions, dense: str, dropout: float) -> NetworkOptions:
    """What differs from the architecture's own options; `None` for the rest."""
    units = parse_units(dense)
    return NetworkOptions(
        dense=None if units == own.dense else units,
        dropout=None if dropout == own.dropout else dropout,
    )


def _parts() -> list[str]:
    return sorted(cached.dataset().manifest["part"].unique())


def _cost(config: TrainConfig) -> str:
    """What the run will take, from the speed of the last run of this network on this machine."""
    dataset = cached.dataset()
    roles = datasets.assign_roles(dataset.manifest, config.dev_share, config.seed)
    rows = dataset.manifest[roles == "train"]
    if config.parts:
        rows = rows[rows["part"].isin(config.parts)]
    per_epoch = (config.steps_per_epoch or 0) * config.batch_size or len(rows)
    films = f"{theme.plural(len(rows), 'training film')}, {per_epoch:,} shown an epoch."
    for run in cached.runs_now():
        same = (run.config.architecture, run.config.recipe.size)
        speed = run.status.images_per_second
        if speed and same == (config.architecture, config.recipe.size):
            seconds = per_epoch * config.epochs / speed
            return f"{films} About {duration(seconds)} at the speed of {run.name}."
    return f"{films} The first run of this network here will show how fast it goes."


def _kept(upload: object) -> str | None:
    """Keep uploaded weights where the run's child can read them; gives the path."""
    if upload is None:
        return None
    data = upload.getvalue()
    folder = cache_folder() / "weights"
    folder.mkdir(parents=True, exist_ok=True)
    # The name stays, since a refusal must name the file as its owner knows it.
    name = re.sub(r"[^\w.\-]", "_", upload.name).lstrip(".")
    path: Path = folder / cards.sha256(data)[:16] / name
    path.parent.mkdir(exist_ok=True)
    if not path.is_file():
        replace_file(path, data)
    check_weights_file(path)
    return str(path)


def _start(config: TrainConfig, token: str) -> None:
    """Start the run once, however often the button was pressed, and open it."""
    name = f"{config.architecture}-{token}"
    with contextlib.suppress(RunNameTaken):  # the second click of a double click
        launcher.create_and_start(config, name)
    state.new_token()
    st.query_params[state.RUN] = name
