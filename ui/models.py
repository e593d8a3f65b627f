"""Which model: the picker that Evaluate and Diagnose share, bound to the address, and Studies'."""

import streamlit as st

from fracture_core import cards
from fracture_core.cards import Card, Model
from fracture_core.errors import FractureError
from fracture_core.words import short
from ui import cached, state, theme


def pick(origin: bool = True) -> tuple[str, Model] | None:
    """Let the viewer pick a model; gives its reference and the model.

    Args:
        origin: whether `show_origin` follows the box at once.

    `None`, with a sentence that says why and what to do, where there is none or it is not whole.
    """
    reference = select("Model")
    if reference is None and cached.models_here():
        return None  # the one that was asked for is gone: no other judges in its name
    if reference is None:
        st.info(
            "No model is here yet. Train a network: it can judge after its first epoch.",
            icon=":material/model_training:",
        )
        st.page_link("pages/train.py", label="Train a network", icon=":material/show_chart:")
        return None
    try:
        model = cached.model(reference)
    except FractureError as error:  # not whole, or its epoch is not kept: another can be picked
        st.error(theme.plain(str(error)), icon=":material/error:")
        _offer_another(reference)
        return None
    if origin:
        show_origin(reference, model)
    return reference, model


def _offer_another(reference: str) -> None:
    """The last epoch that can be used, of a run one of whose epochs cannot."""
    run, _, asked = reference.partition("@")
    epoch = cards.last_whole_epoch(run)
    if epoch is not None and str(epoch) != asked:
        st.button(
            f"Use epoch {epoch}", icon=":material/history:", key="another-epoch",
            on_click=_take, args=(f"{run}@{epoch}",),
        )  # fmt: skip


def _take(reference: str) -> None:
    st.session_state[state.MODEL] = st.session_state[state.PICKED] = reference
    state.forget_threshold()


def show_origin(reference: str, model: Model) -> None:
    """Which network it is, of which epoch, and what it learned from."""
    st.markdown(f":small[{_origin(reference, model.card)}]")


def select(label: str) -> str | None:
    """The box alone, bound to the address; gives the reference.

    `None` where no model is here, or none of the name that was asked for and no other was picked.
    """
    options = cached.models_here()
    if not options:
        return None
    asked = st.query_params.get(state.MODEL) or st.session_state.get(state.PICKED)
    picked = st.session_state.get(state.MODEL)
    epochs = (each for each in (asked, picked) if each and cached.is_epoch_of_run(each))
    options = list(dict.fromkeys([*options, *epochs]))
    gone = bool(asked) and asked not in options and picked not in options
    if gone:
        st.session_state[state.PICKED] = asked  # the box takes it out of the address
        st.warning(f"No model is called {theme.plain(short(asked))}. Pick one of these.")
    elif asked in options and picked in (None, asked) and state.MODEL not in st.query_params:
        st.session_state[state.MODEL] = asked  # picked on another page
    reference = st.selectbox(
        label,
        options,
        index=None if gone else 0,
        placeholder="Pick a model",
        key=state.MODEL,
        bind="query-params",
        on_change=state.forget_threshold,
        help=_ORDER,
    )
    if reference is not None:
        st.session_state[state.PICKED] = reference
    return reference


def judged_by() -> None:
    """The box on Studies.

    It is filled from the address and not bound to it: a bound box would take the model out of the
    address while a study is open, where no box is drawn.
    """
    options = cached.models_here()
    if not options:
        return
    used, asked = cached.model_in_use(), st.query_params.get(state.MODEL, "")
    if asked not in ("", used):
        st.warning(f"No model is called {theme.plain(short(asked))}. Pick one of these.")
    options = options if used in options else [*options, used]
    state.fill(state.JUDGE, used)
    st.selectbox("Judged by", options, key=state.JUDGE, on_change=_judge, help=_ORDER)


def _judge() -> None:
    st.session_state[state.PICKED] = st.session_state[state.JUDGE]
    st.session_state.pop(state.MODEL, None)  # the other pages' box takes what was picked last
    state.forget_threshold()
    state.put(state.MODEL, st.session_state[state.JUDGE])


def keep_in_address() -> None:
    """A model that was picked on another page is part of what a link shows."""
    used, here = cached.model_in_use(), cached.models_here()
    if here and used != here[0] and state.MODEL not in st.query_params:
        state.put(state.MODEL, used)


_ORDER = "Released models, then runs at their best dev epoch, newest first."


def _origin(reference: str, card: Card) -> str:
    kind = "Released" if reference in cards.released() else "Run"
    data = theme.plain(str(card.training.get("root") or "unknown data"))
    badge = f" {theme.synthetic_badge()}" if card.synthetic else ""
    network = theme.plain(card.network)
    return f"{kind}: {network}, {card.recipe.size} px, learned from {data}{badge}"
