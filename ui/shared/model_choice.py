"""Choice of a model: the one in use, which only a person changes, and the one on Evaluate."""

from collections.abc import Callable

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from fracture_core.config.reference import Reference
from fracture_core.errors import FractureError
from fracture_core.models import epoch_models, model_names
from fracture_core.models.model import Model
from fracture_core.runs.run_status import State
from fracture_core.words import plural, short
from ui.cache import model_cache, run_cache
from ui.shared import theme
from ui.shell import state

SECOND_PX = 420  # width of the second model's box, where there is room

# --- the model in use ---------------------------------------------------------------------------


def settle(looks: bool = False) -> None:
    """Set the model in use before anything is drawn.

    A session begins with the model of its address, else with `model_cache.default_model`. After
    that the address counts only if a person went to it: to a new one, or back to an older one. A
    polling page may send an address that is older than the choice.

    Args:
        looks: whether the page's address names the model evaluated, as on Evaluate, instead of the
            model in use.
    """
    in_address = "" if looks else st.query_params.get(state.MODEL, "")
    followed = st.session_state.get(state.FOLLOWED, [])
    back = getattr(get_script_run_ctx(), "is_history_navigation", False)
    if in_address and (back or in_address not in followed):
        _hold(in_address)
    elif not model_cache.model_in_use():
        _hold(model_cache.default_model())
    st.session_state[state.SETTLED] = model_cache.model_in_use()


def use(reference: str) -> None:
    """Make this the model in use; a callback of a box or button."""
    _hold(reference)
    state.forget_threshold()


def _hold(reference: str) -> None:
    before = st.query_params.get(state.MODEL, "")
    used = model_names.at_best_epoch(reference)
    st.session_state[state.PICKED] = used
    followed = [*st.session_state.get(state.FOLLOWED, []), before, reference, used]
    st.session_state[state.FOLLOWED] = [each for each in dict.fromkeys(followed) if each]


def line() -> str:
    """Name the model in use in a few words, as Markdown."""
    used = model_cache.model_in_use()
    if not used:
        return f"Model: **{'none in use' if model_cache.models_here() else 'none yet'}**"
    name = theme.plain(short(used))
    return f"Model: **{name}**" if model_cache.is_model(used) else f"Model: {name} no longer exists"


def pick() -> tuple[str, Model] | None:
    """Let the viewer pick the model in use; return its reference and the model.

    Without one, or with an incomplete one, show a sentence with the next step and return `None`.
    """
    if not model_cache.models_here():
        _none_here()
        return None
    used = model_cache.model_in_use()
    here = used if used and model_cache.is_model(used) else None
    if used and not here:
        _gone(used)
    state.lead(state.MODEL, here)
    selected = _box(here, _use_picked)
    if here is None:
        if not used:
            st.info("No model is in use. Pick one: a run is only used once you pick it.")
        return None
    if selected is not None and selected != here and model_names.at_best_epoch(selected) == here:
        st.rerun()  # a new box takes a run's name from the address; the next drawing its epoch
    return _opened(here, show_it=True)


def _use_picked() -> None:
    if picked := st.session_state[state.MODEL]:
        use(picked)


def pick_for_studies() -> None:
    """Draw the model box on Studies.

    It is filled from the model in use and not bound to the address: a bound box would remove the
    model from the address while a study is open, where no box is drawn.
    """
    options = model_cache.models_here()
    if not options:
        return
    used = model_cache.model_in_use()
    here = used if used and model_cache.is_model(used) else None
    if used and not here:
        _gone(used)
    options = options if here is None or here in options else [*options, here]
    state.fill(state.PREDICTIONS_OF, here)
    st.selectbox(
        "Predictions of",
        options,
        index=None,
        placeholder="Pick a model",
        key=state.PREDICTIONS_OF,
        on_change=_use_for_studies,
        help=_ORDER,
    )


def _use_for_studies() -> None:
    if picked := st.session_state[state.PREDICTIONS_OF]:
        use(picked)
        state.put(state.MODEL, model_cache.model_in_use())


def keep_in_address() -> None:
    """Put a model that was picked on another page into the address, so that links keep it."""
    used = model_cache.model_in_use()
    state.put(state.MODEL, used if used != model_cache.default_model() else "")


def offer(reference: str, label: str, key: str) -> None:
    """Draw a button that makes this the model in use, or says that it is."""
    used = model_cache.model_in_use()
    if st.session_state.get(state.SETTLED) != used:
        st.rerun()  # clicked in a fragment; the top of the page names the model in use too
    if model_names.at_best_epoch(reference) == used:
        st.button("In use", icon=":material/check:", key=key, disabled=True)
    else:
        st.button(label, icon=":material/radiology:", key=key, on_click=use, args=(reference,))


# --- the model evaluated ------------------------------------------------------------------------


def look() -> tuple[str, Model] | None:
    """Let the viewer pick a model to evaluate, without putting it to use.

    Without one, or with an incomplete one, show a sentence with the next step and return `None`.
    """
    options = model_cache.models_here()
    if not options:
        _none_here()
        return None
    in_address, picked = st.query_params.get(state.MODEL), st.session_state.get(state.MODEL)
    if in_address and in_address != picked and not model_cache.is_model(in_address):
        _gone(in_address)
        if picked is None:
            st.session_state[state.MODEL] = None
    elif picked is None and not in_address:
        used = model_cache.model_in_use()
        st.session_state[state.MODEL] = used if model_cache.is_model(used) else options[0]
    reference = _box(st.session_state.get(state.MODEL) or in_address, None)
    return None if reference is None else _opened(reference, show_it=False)


def offer_looked_at(reference: str) -> None:
    """Offer to use the model evaluated, if another one is in use."""
    used = model_cache.model_in_use()
    if model_names.at_best_epoch(reference) == used:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        offer(reference, "Use this model", "use-looked-at")
        words = f"in use: {theme.plain(short(used))}" if used else "no model is in use"
        st.caption(f"Only shown here; {words}.", width="content")


def second(reference: str) -> str | None:
    """Let the viewer pick a second model beside this one, in the address; `None` without one."""
    options = [name for name in model_cache.models_here() if name != reference]
    current = st.session_state.get(state.SECOND) or st.query_params.get(state.SECOND)
    if current and current != reference and current not in options:
        if model_names.is_epoch_of_run(current):
            options = [*options, current]
        else:
            _gone(current)
            st.session_state[state.SECOND] = None
    elif current == reference:
        st.session_state[state.SECOND] = None
    return st.selectbox(
        "Second model",
        options,
        index=None,
        placeholder="Pick a second model",
        key=state.SECOND,
        bind="query-params",
        width=SECOND_PX,
        help=_ORDER,
    )


# --- shared by both -----------------------------------------------------------------------------


def _box(current: str | None, on_change: Callable[[], None] | None) -> str | None:
    options = model_cache.models_here()
    if current and current not in options and model_names.is_epoch_of_run(current):
        options = [*options, current]
    # Without a default, so that the address always names the model shown.
    return st.selectbox(
        "Model",
        options,
        index=None,
        placeholder="Pick a model",
        key=state.MODEL,
        bind="query-params",
        on_change=on_change,
        help=_ORDER,
    )


def _none_here() -> None:
    st.info(
        "There is no model yet. Train a network: it can predict after its first epoch.",
        icon=":material/model_training:",
    )
    st.page_link("pages/train.py", label="Train a network", icon=":material/show_chart:")


def _gone(reference: str) -> None:
    st.warning(f"No model is called {theme.plain(short(reference))}. Pick one of these.")


def _opened(reference: str, show_it: bool) -> tuple[str, Model] | None:
    try:
        model = model_cache.model(reference)
    except FractureError as error:  # incomplete, or its epoch is not kept: another can be picked
        st.error(theme.plain(str(error)), icon=":material/error:")
        _offer_another(reference)
        return None
    if show_it:
        show_origin(model)
    return reference, model


def _offer_another(reference: str) -> None:
    """Offer the last usable epoch of a run, in place of one that is not."""
    unusable = Reference.parse(reference)
    run = unusable.run if unusable else reference
    epoch = epoch_models.last_whole_epoch(run)
    if epoch is not None and not (unusable and epoch == unusable.epoch):
        st.button(
            f"Use epoch {epoch}",
            icon=":material/history:",
            key="another-epoch",
            on_click=_take,
            args=(str(Reference(run=run, epoch=epoch)),),
        )


def _take(reference: str) -> None:
    st.session_state[state.MODEL] = reference
    use(reference)


def show_origin(model: Model) -> None:
    """Show network, epoch and training data of a model."""
    st.markdown(f":small[{_origin(model)}]")


_ORDER = "Released models, then runs at their best dev epoch, newest first."


def _origin(model: Model) -> str:
    card, kind = model.card, _run_words(model.run) if model.is_run else "Released"
    data = theme.plain(card.data.root or "unknown data")
    badge = f" {theme.synthetic_badge()}" if card.synthetic else ""
    network = theme.plain(card.network)
    return f"{kind}: {network}, {card.recipe.size} px, trained on {data}{badge}"


def _run_words(name: str) -> str:
    """Name a run's state unless it has finished: "Run, stopped after 1 of 400 epochs"."""
    try:
        status = run_cache.run_now(name).status
    except FractureError:
        return "Run"
    if status.state is State.FINISHED or not status.epochs:
        return "Run"
    word = "now" if status.state.alive else f"{status.state.value} after"
    return f"Run, {word} {status.epoch:,} of {plural(status.epochs, 'epoch')}"
