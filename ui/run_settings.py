"""The settings of a run that a newcomer can leave alone, in groups; what does not apply is hidden.

Each key holds the preset's name, so that another preset brings its own values.
"""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import streamlit as st

from fracture_core import cards
from fracture_core.architectures import ARCHITECTURES, check_weights_file, check_weights_fit
from fracture_core.config import (
    DEFAULTS,
    Augmentation,
    NetworkOptions,
    Schedule,
    TrainConfig,
    cache_folder,
    parse_units,
)
from fracture_core.files import replace_file
from fracture_core.optimizers import ADAMW_DECAY
from ui import augmentation_preview, cached, state

OPTIMIZERS = {
    "adam": "Adam",
    "adamw": "AdamW",
    "adagrad": "AdaGrad",
    "sgd": "SGD",
    "rmsprop": "RMSprop",
}
SCHEDULES = {"constant": "Constant", "cosine": "Cosine", "step": "Step", "plateau": "On plateau"}
SCHEDULE_SENTENCES = {
    "constant": "It stays what it is.",
    "cosine": "It falls in a half wave to the lowest rate, which the last epoch reaches.",
    "step": "It is multiplied by the factor each time that a step's epochs have passed.",
    "plateau": "It is multiplied by the factor after so many epochs without a lower dev loss.",
}


def ask(base: TrainConfig, preset: str) -> TrainConfig:
    """The groups of fields, filled with the values of `base`; gives what they hold.

    Args:
        base: a preset's settings, with the network, epochs and parts that were chosen.
        preset: its name.

    Raises:
        ConfigError: a value cannot be used; the sentence says which may.
        ModelError: the uploaded weights are none.
    """
    st.markdown("**Learning**")
    learning = _learning(base, preset)
    st.markdown("**Schedule of the learning rate**")
    schedule = _schedule(base.schedule, preset, bool(learning["dev_share"]))
    st.markdown("**Network**")
    network = _network(base, preset)
    st.markdown("**This machine**")
    machine = _machine(base, preset)
    st.markdown("**Random changes of films**")
    changes = _changes(base.augmentation, preset)
    config = replace(
        base, schedule=schedule, augmentation=changes, **learning, **network, **machine
    )
    _preview(config)
    return config


def _number(label: str, key: str, value: float, **more: Any) -> int | float:
    """A field for a whole number or a fraction, as `value` is.

    Without bounds: a field that has some shows what is beyond them and gives what was there before,
    so that a run would be started with another number than the one that is read.
    """
    kind = type(value)
    if kind is float:
        more = {"step": 1.0, "format": "%g"} | more
    return kind(st.number_input(label, value=value, key=key, **more))


def _perhaps(label: str, key: str, value: int | None, **more: Any) -> int | None:
    """A field for a whole number that may be left empty."""
    return st.number_input(label, value=value, step=1, key=key, **more)


def _learning(base: TrainConfig, preset: str) -> dict[str, Any]:
    optimizer = st.segmented_control(
        "Optimizer", list(OPTIMIZERS), default=base.optimizer, required=True,
        format_func=OPTIMIZERS.get, key=f"{preset}-optimizer",
    )  # fmt: skip
    found: dict[str, Any] = {"optimizer": optimizer}
    with st.grid(4, vertical_alignment="bottom"):
        found["learning_rate"] = _number(
            "Learning rate", f"{preset}-rate", base.learning_rate,
            step=1e-4, format="%.5f",
        )  # fmt: skip
        if optimizer == "sgd":
            found["momentum"] = _number(
                "Momentum (0 to 0.9999)", f"{preset}-momentum", base.momentum,
                step=0.05, format="%.4g",
            )  # fmt: skip
        found["weight_decay"] = _weight_decay(base, preset, optimizer)
        found["batch_size"] = _number(
            "Batch size (films a step)", f"{preset}-batch", base.batch_size
        )
        dev = _number(
            "Dev share (%)", f"{preset}-dev", round(base.dev_share * 100),
            help="Share of the training patients set aside to choose the epoch by.",
        )  # fmt: skip
        found["dev_share"] = dev / 100
        found["early_stopping"] = _perhaps(
            "Early stopping (epochs)", f"{preset}-early-{bool(dev)}",
            base.early_stopping if dev else None, disabled=not dev,
            placeholder="never" if dev else "needs a dev share",
            help="Ends the run after so many epochs without a lower dev loss. Empty: never.",
        )  # fmt: skip
        found["seed"] = _number("Seed", f"{preset}-seed", base.seed)
        balanced = st.toggle(
            "Balance the labels", base.class_weights == "balanced", key=f"{preset}-balance",
            help="Class weights: a film's loss counts by the inverse of its label's frequency.",
        )  # fmt: skip
    return found | {"class_weights": "balanced" if balanced else "equal"}


def _weight_decay(base: TrainConfig, preset: str, optimizer: str) -> float | None:
    """`None` while the field holds what the optimizer does by itself."""
    own = ADAMW_DECAY if optimizer == "adamw" else 0.0
    decay = _number(
        "Weight decay", f"{preset}-{optimizer}-decay",
        own if base.weight_decay is None else base.weight_decay,
        step=1e-4, format="%.5f",
        help="Share of itself, times the learning rate, that each kernel loses a step.",
    )  # fmt: skip
    return None if base.weight_decay is None and decay == own else decay


def _schedule(base: Schedule, preset: str, watched: bool) -> Schedule:
    """Args: watched: whether there is a dev loss, which a plateau is found by."""
    kinds = [kind for kind in SCHEDULES if watched or kind != "plateau"]
    kind = st.segmented_control(
        "Schedule", kinds, default=base.kind if base.kind in kinds else "constant", required=True,
        format_func=SCHEDULES.get, key=f"{preset}-schedule-{watched}",
        label_visibility="collapsed",
    )  # fmt: skip
    missing = "" if watched else " With a dev share it can also fall on a plateau of the dev loss."
    st.caption(SCHEDULE_SENTENCES[kind] + missing)
    found: dict[str, Any] = {"kind": kind}
    with st.grid(4):
        found["warmup_epochs"] = _number(
            "Warm-up (epochs)", f"{preset}-warmup", base.warmup_epochs,
            help="Before anything else the rate grows from 0 in a straight line.",
        )  # fmt: skip
        if kind in ("cosine", "plateau"):
            found["floor_percent"] = _number(
                "Lowest rate (%)", f"{preset}-floor", base.floor_percent,
                help="Percent of the learning rate.",
            )  # fmt: skip
        if kind == "step":
            found["step_epochs"] = _number(
                "Length of a step (epochs)", f"{preset}-step", base.step_epochs
            )
        if kind == "plateau":
            found["patience"] = _number("Patience (epochs)", f"{preset}-patience", base.patience)
        if kind in ("step", "plateau"):
            found["factor"] = _number(
                "Factor (0.01 to 1)", f"{preset}-factor", base.factor, step=0.1
            )
    return replace(base, **found)


def _network(base: TrainConfig, preset: str) -> dict[str, Any]:
    name, own = base.architecture, ARCHITECTURES[base.architecture].options
    with st.grid(4):
        size = _number("Input side (px)", f"{preset}-size", base.recipe.size, step=8)
        dense = st.text_input(
            "Dense layers (units)", ",".join(map(str, own.dense)), key=f"{name}-dense"
        )
        dropout = st.number_input(
            "Dropout (%)", value=round(own.dropout * 100), step=5, key=f"{name}-dropout"
        )
    weights = st.file_uploader(
        "Begin with saved weights", type=["h5"], key=f"{name}-weights",
        help="A .weights.h5 file of the same network, as this page and the report save them.",
    )  # fmt: skip
    options, kept = _options(own, dense, dropout / 100), _kept(weights)
    if kept and (size, options) == (DEFAULTS.recipe.size, DEFAULTS.options):
        check_weights_fit(Path(kept), name)
    return {
        "recipe": replace(base.recipe, size=size),
        "options": options,
        "weights": kept,
    }


def _options(own: NetworkOptions, dense: str, dropout: float) -> NetworkOptions:
    """What differs from the architecture's own options; `None` for the rest."""
    units = parse_units(dense)
    return NetworkOptions(
        dense=None if units == own.dense else units,
        dropout=None if dropout == own.dropout else dropout,
    )


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


def _machine(base: TrainConfig, preset: str) -> dict[str, Any]:
    with st.grid(4):
        threads = _perhaps(
            "Threads", f"{preset}-threads", base.threads, placeholder="quickest",
            help="Inside TensorFlow. Empty: what a short probe finds quickest, kept with the run.",
        )  # fmt: skip
        seconds = _number(
            "Keep the state every (seconds)", f"{preset}-checkpoint", base.checkpoint_seconds,
            help="Inside a long epoch; what a run that was killed must do again at most.",
        )  # fmt: skip
    return {"threads": threads, "checkpoint_seconds": seconds}


def _changes(base: Augmentation, preset: str) -> Augmentation:
    with st.grid(4, vertical_alignment="bottom"):
        return Augmentation(
            rotation_degrees=_number(
                "Rotation (± degrees)", f"{preset}-turn", base.rotation_degrees
            ),
            zoom_percent=_number(
                "Zoom (± %)", f"{preset}-zoom", base.zoom_percent
            ),
            shift_percent=_number(
                "Shift (± % of the side)", f"{preset}-shift", base.shift_percent
            ),
            shear_degrees=_number(
                "Shear (± degrees)", f"{preset}-shear", base.shear_degrees
            ),
            brightness_percent=_number(
                "Brightness (± % of white)", f"{preset}-brightness", base.brightness_percent
            ),
            contrast_percent=_number(
                "Contrast (± %)", f"{preset}-contrast", base.contrast_percent
            ),
            horizontal_flip=st.toggle(
                "Mirror left and right", base.horizontal_flip, key=f"{preset}-flip",
                help="Every second film on average.",
            ),
            vertical_flip=st.toggle(
                "Mirror top and bottom", base.vertical_flip, key=f"{preset}-upside",
                help="Every second film on average.",
            ),
        )  # fmt: skip


@st.fragment
def _preview(config: TrainConfig) -> None:
    """Example films as the run's passes will show them."""
    if cached.phantom_is_growing():
        st.caption("Examples follow when all films are made.")
        return
    first = st.session_state.get(state.DRAWN, 0) * augmentation_preview.PASSES
    if films := cached.changed_films(config, first):
        size = config.recipe.size
        st.caption(
            f"Training films at {size} × {size} px, as the network sees them: as they are, and as "
            f"passes {first + 1} to {first + augmentation_preview.PASSES} over the data draw them "
            f"with seed {config.seed}."
        )
        st.html(augmentation_preview.html(films, first))
        st.button("Draw others", icon=":material/casino:", key="draw-others", on_click=_draw_others)


def _draw_others() -> None:
    st.session_state[state.DRAWN] = st.session_state.get(state.DRAWN, 0) + 1
