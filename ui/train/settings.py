"""The settings of a run that a newcomer can leave alone, in groups; what does not apply is hidden.

Each key holds the preset's name, so that another preset brings its own values.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from fracture_core.config import (
    DEFAULTS,
    LIMITS,
    Augmentation,
    NetworkOptions,
    Schedule,
    TrainConfig,
    parse_units,
)
from fracture_core.errors import ConfigError
from fracture_core.networks.architectures import (
    ARCHITECTURES,
    check_weights_file,
    check_weights_fit,
)
from fracture_core.networks.optimizers import ADAMW_DECAY
from ui.cache import data_cache
from ui.shared.number_field import number, optional_number
from ui.shell import actions, owner, state
from ui.train import augmentation_preview

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

    All fields are there, whatever one of them holds: what is wrong is said at the end.

    Args:
        base: a preset's settings, with the network and parts that were chosen.
        preset: its name.

    Raises:
        ConfigError: a value cannot be used; the sentence says which may.
        ModelError: the uploaded weights are none.
    """
    wrong: list[str] = []
    st.markdown("**Learning**")
    learning = _learning(base, preset, wrong)
    st.markdown("**Schedule of the learning rate**")
    schedule = _schedule(base.schedule, preset, bool(learning["dev_share"]), wrong)
    st.markdown("**Network**")
    network = _network(base, preset, wrong)
    st.markdown("**This machine**")
    machine = _machine(base, preset, wrong)
    st.markdown("**Random changes of films**")
    changes = _changes(base.augmentation, preset, wrong)
    if wrong:
        raise ConfigError(" ".join(wrong))
    config = replace(
        base,
        schedule=replace(base.schedule, **schedule),
        augmentation=Augmentation(**changes),
        **learning,
        **_built(base, **network),
        **machine,
    )
    _preview(config)
    return config


def _percent(bounds: tuple[float, float]) -> tuple[int, int]:
    return round(bounds[0] * 100), round(bounds[1] * 100)


def _learning(base: TrainConfig, preset: str, wrong: list[str]) -> dict[str, Any]:
    optimizer = st.segmented_control(
        "Optimizer", list(OPTIMIZERS), default=base.optimizer, required=True,
        format_func=OPTIMIZERS.get, key=f"{preset}-optimizer",
    )  # fmt: skip
    found: dict[str, Any] = {"optimizer": optimizer}
    with st.grid(4, vertical_alignment="bottom"):
        found["learning_rate"] = number(
            "Learning rate", f"{preset}-rate", base.learning_rate, LIMITS.learning_rate, wrong,
            step=1e-4,
        )  # fmt: skip
        if optimizer == "sgd":
            found["momentum"] = number(
                "Momentum (0 to 0.9999)", f"{preset}-momentum", base.momentum, LIMITS.momentum,
                wrong, step=0.05,
            )  # fmt: skip
        found["weight_decay"] = _weight_decay(base, preset, optimizer, wrong)
        found["batch_size"] = number(
            "Batch size (films a step)", f"{preset}-batch", base.batch_size, LIMITS.batch_size,
            wrong,
        )  # fmt: skip
        dev = number(
            "Dev share (%)", f"{preset}-dev", round(base.dev_share * 100), _percent(LIMITS.share),
            wrong,
            help="Share of the training patients set aside to choose the epoch by.",
        )  # fmt: skip
        found["dev_share"] = dev / 100
        found["early_stopping"] = optional_number(
            "Early stopping (epochs)", f"{preset}-early-{bool(dev)}",
            base.early_stopping if dev else None, LIMITS.epochs, wrong, disabled=not dev,
            placeholder="never" if dev else "needs a dev share",
            help="Ends the run after so many epochs without a lower dev loss. Empty: never.",
        )  # fmt: skip
        found["seed"] = number("Seed", f"{preset}-seed", base.seed, LIMITS.seed, wrong)
        balanced = st.toggle(
            "Balance the labels", base.class_weights == "balanced", key=f"{preset}-balance",
            help="Class weights: a film's loss counts by the inverse of its label's frequency.",
        )  # fmt: skip
        recomputed = st.toggle(
            "Recompute the averages", base.normalization == "recomputed", key=f"{preset}-averages",
            help="Batch normalization judges with averages taken over training films after each "
            "epoch. Off: with Keras' running averages, which lag behind and make the curves jump, "
            "as in the 2018 report.",
        )  # fmt: skip
    found["normalization"] = "recomputed" if recomputed else "running"
    return found | {"class_weights": "balanced" if balanced else "equal"}


def _weight_decay(base: TrainConfig, preset: str, optimizer: str, wrong: list[str]) -> float | None:
    """`None` while the field holds what the optimizer does by itself."""
    own = ADAMW_DECAY if optimizer == "adamw" else 0.0
    decay = number(
        "Weight decay", f"{preset}-{optimizer}-decay",
        own if base.weight_decay is None else base.weight_decay, LIMITS.weight_decay, wrong,
        step=1e-4,
        help="Share of itself, times the learning rate, that each kernel loses a step.",
    )  # fmt: skip
    return None if base.weight_decay is None and decay == own else decay


def _schedule(base: Schedule, preset: str, watched: bool, wrong: list[str]) -> dict[str, Any]:
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
        found["warmup_epochs"] = number(
            "Warm-up (epochs)", f"{preset}-warmup", base.warmup_epochs, LIMITS.warmup_epochs, wrong,
            help="Before anything else the rate grows from 0 in a straight line.",
        )  # fmt: skip
        if kind in ("cosine", "plateau"):
            found["floor_percent"] = number(
                "Lowest rate (%)", f"{preset}-floor", base.floor_percent, LIMITS.floor_percent,
                wrong,
                help="Percent of the learning rate.",
            )  # fmt: skip
        if kind == "step":
            found["step_epochs"] = number(
                "Length of a step (epochs)", f"{preset}-step", base.step_epochs, LIMITS.epochs,
                wrong,
            )  # fmt: skip
        if kind == "plateau":
            found["patience"] = number(
                "Patience (epochs)", f"{preset}-patience", base.patience, LIMITS.epochs, wrong
            )
        if kind in ("step", "plateau"):
            found["factor"] = number(
                "Factor (0.01 to 1)", f"{preset}-factor", base.factor, LIMITS.factor, wrong,
                step=0.1,
            )  # fmt: skip
    return found


def _network(base: TrainConfig, preset: str, wrong: list[str]) -> dict[str, Any]:
    """What the fields hold; see `_built`."""
    name, own = base.architecture, ARCHITECTURES[base.architecture].options
    sides = (ARCHITECTURES[name].smallest, LIMITS.size[1])
    with st.grid(4):
        size = number("Input side (px)", f"{preset}-size", base.recipe.size, sides, wrong, step=8)
        dense = _dense(own, f"{name}-dense", wrong)
        dropout = number(
            "Dropout (%)", f"{name}-dropout", round(own.dropout * 100), (0, 95), wrong, step=5
        )
    weights = st.file_uploader(
        "Begin with saved weights", type=["h5"], key=f"{name}-weights",
        disabled=not owner.is_owner(),
        help="A .weights.h5 file of the same network, as this page and the report save them.",
    )  # fmt: skip
    return {"size": size, "dense": dense, "dropout": dropout / 100, "upload": weights}


def _dense(own: NetworkOptions, key: str, wrong: list[str]) -> tuple[int, ...] | None:
    """The units of the layers; `None`, and a red label, where they are none."""
    label, units, usual = "Dense layers (units)", None, ",".join(map(str, own.dense))
    try:
        units = NetworkOptions(dense=parse_units(st.session_state.get(key, usual))).dense
    except ConfigError as error:
        wrong.append(str(error))
        label = ":red[Dense layers: units as in 128,64]"
    st.text_input(label, usual, key=key)
    return units


def _built(
    base: TrainConfig,
    size: int,
    dense: tuple[int, ...],
    dropout: float,
    upload: UploadedFile | None,
) -> dict[str, Any]:
    """The network's settings, of what its fields hold."""
    name, own = base.architecture, ARCHITECTURES[base.architecture].options
    options, kept = _options(own, dense, dropout), _kept(upload, f"{name}-weights")
    if kept and (size, options) == (DEFAULTS.recipe.size, DEFAULTS.options):
        check_weights_fit(Path(kept), name)
    return {"recipe": replace(base.recipe, size=size), "options": options, "weights": kept}


def _options(own: NetworkOptions, dense: tuple[int, ...], dropout: float) -> NetworkOptions:
    """What differs from the architecture's own options; `None` for the rest."""
    return NetworkOptions(
        dense=None if dense == own.dense else dense,
        dropout=None if dropout == own.dropout else dropout,
    )


def _kept(upload: UploadedFile | None, key: str) -> str | None:
    """Keep uploaded weights where the run's child can read them; gives the path."""
    if upload is None:
        if state.lost_uploads(key):
            raise ConfigError(
                "The server was started anew since the weights were dropped, and no longer has "
                "them. Drop the file again, or remove it from the field."
            )
        return None
    path = actions.keep_weights(upload.name, upload.getvalue())
    check_weights_file(path)
    return str(path)


def _machine(base: TrainConfig, preset: str, wrong: list[str]) -> dict[str, Any]:
    with st.grid(4):
        threads = optional_number(
            "Threads", f"{preset}-threads", base.threads, LIMITS.threads, wrong,
            placeholder="quickest",
            help="Inside TensorFlow. Empty: what a short probe finds quickest, kept with the run.",
        )  # fmt: skip
        seconds = number(
            "Keep the state every (seconds)", f"{preset}-checkpoint", base.checkpoint_seconds,
            LIMITS.checkpoint_seconds, wrong,
            help="Inside a long epoch; what a run that was killed must do again at most.",
        )  # fmt: skip
    return {"threads": threads, "checkpoint_seconds": seconds}


def _changes(base: Augmentation, preset: str, wrong: list[str]) -> dict[str, Any]:
    fields = (  # name, label, key, bounds
        ("rotation_degrees", "Rotation (± degrees)", "turn", LIMITS.degrees),
        ("zoom_percent", "Zoom (± %)", "zoom", LIMITS.percent),
        ("shift_percent", "Shift (± % of the side)", "shift", LIMITS.percent),
        ("shear_degrees", "Shear (± degrees)", "shear", LIMITS.degrees),
        ("brightness_percent", "Brightness (± % of white)", "brightness", LIMITS.percent),
        ("contrast_percent", "Contrast (± %)", "contrast", LIMITS.percent),
    )
    flips = (
        ("horizontal_flip", "Mirror left and right", "flip"),
        ("vertical_flip", "Mirror top and bottom", "upside"),
    )
    with st.grid(4, vertical_alignment="bottom"):
        found: dict[str, Any] = {
            name: number(label, f"{preset}-{key}", getattr(base, name), bounds, wrong)
            for name, label, key, bounds in fields
        }
        for name, label, key in flips:
            found[name] = st.toggle(
                label, getattr(base, name), key=f"{preset}-{key}",
                help="Every second film on average.",
            )  # fmt: skip
    return found


@st.fragment
def _preview(config: TrainConfig) -> None:
    """Example films as the run's passes will show them."""
    if data_cache.phantom_is_growing():
        st.caption("Examples follow when all films are made.")
        return
    first = st.session_state.get(state.DRAWN, 0) * augmentation_preview.PASSES
    if films := data_cache.changed_films(config, first):
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
