"""The epoch slider: one epoch, in the address, to which everything beside it is rewound."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import get_script_run_ctx

from fracture_core.words import whole_number
from ui.components import epoch_player
from ui.shell import state

LATEST = "latest"  # name of the slider's end, which follows a run that continues
_LABEL = "Epoch shown"
_HELP = "Rewinds scores, curves, verdicts and studies to this epoch."


def ask(
    whose: str,
    kept: tuple[int, ...],
    usual: int | None = None,
    word: str = LATEST,
    always: bool = False,
    whole: bool = False,
    player: bool = False,
    big: bool = False,
) -> int | None:
    """Draw the slider; return the epoch shown, `None` if there is none.

    It spans the existing epochs, and is at `usual` until another one is chosen, which the address
    then names.

    Args:
        whose: identifies what is rewound; for another one the slider begins at `usual`.
        kept: the epochs to choose from, in order.
        usual: the default; `None` for the last of `kept`.
        word: name of `usual` on the slider.
        always: whether it is drawn, disabled, while there are fewer than two epochs.
        whole: whether the whole page follows it, not only the part that it is drawn in.
        player: whether it can be replayed.
        big: whether the buttons of the player are for a lecture hall.
    """
    slider, buttons = _places(player)
    if len(kept) < 2:
        _show_too_few(slider, buttons, kept, always, big)
        return kept[-1] if kept else None
    if usual not in kept:
        usual, word = kept[-1], LATEST
    # Words, with the same one for the default: by them Streamlit keeps the choice when epochs are
    # added. `st.slider` would be replaced for a longer range, even while a hand is moving it.
    options = {word if epoch == usual else str(epoch): epoch for epoch in kept}
    missing = _settle(whose, options, word)
    current = st.session_state[state.EPOCH]
    # Not bound to the address by Streamlit: after the page had redrawn itself, as at the end of a
    # run, the browser failed to write the choice into the address every third time.
    chosen = slider.select_slider(
        f"{_LABEL}: {f'{usual} ({word})' if current == word else current}",
        list(options),
        key=state.EPOCH,
        on_change=_write,
        args=(word, whole),
        help=_HELP,
    )
    if buttons:
        with buttons:
            _play(list(options), word, whole, big)
    if missing:
        st.toast(
            f"Epoch {missing} is not kept; showing epoch {options[chosen]} instead.",
            icon=":material/info:",
            duration="long",
        )
    return options[chosen]


def _places(player: bool) -> tuple[DeltaGenerator, DeltaGenerator | None]:
    """The places of the slider and, at its left, of the player's buttons, if there are any."""
    if not player:
        return st.container(), None
    place = st.container(horizontal=True, vertical_alignment="bottom")
    buttons = place.container(width="content")
    return place.container(), buttons


def _show_too_few(
    slider: DeltaGenerator,
    buttons: DeltaGenerator | None,
    kept: tuple[int, ...],
    always: bool,
    big: bool,
) -> None:
    """Draw slider and buttons of fewer than two epochs, both off; for the arguments see `ask`."""
    if buttons:
        with buttons:
            epoch_player.show(0, len(kept), lambda _: None, big)
    if always:
        only = str(kept[0]) if kept else "none yet"
        # No Markdown in its label: Streamlit reads it aloud as it is.
        slider.select_slider(
            f"{_LABEL}: {only}", [LATEST], key="no-epochs", disabled=True, help=_HELP
        )


def _play(names: list[str], word: str, whole: bool, big: bool) -> None:
    """Draw the buttons that move the slider through its options; for the arguments see `ask`."""

    def place() -> int:
        return names.index(st.session_state.get(state.EPOCH, word))

    def move(by: int | str) -> None:
        at = 0 if by == epoch_player.FIRST else min(len(names) - 1, max(0, place() + int(by)))
        st.session_state[state.EPOCH] = names[at]
        _write(word, whole)

    epoch_player.show(place(), len(names), move, big)


def chosen(whose: str) -> int | None:
    """Return the epoch that the slider was moved to; `None` while it is at its default.

    Args:
        whose: as in `ask`, which may be called later in the same run of the script.
    """
    if st.session_state.get(state.REWOUND, whose) != whose:
        return None
    return whole_number(st.session_state.get(state.EPOCH, st.query_params.get(state.EPOCH, "")))


def current(kept: tuple[int, ...]) -> int | None:
    """Return the position of a slider with `LATEST` that another part of the page draws.

    Args:
        kept: the epochs to choose from, in order.
    """
    chosen = whole_number(str(st.session_state.get(state.EPOCH, "")))
    return chosen if chosen in kept else kept[-1] if kept else None


def _write(word: str, whole: bool) -> None:
    chosen = st.session_state[state.EPOCH]
    state.put(state.EPOCH, "" if chosen == word else chosen)
    if whole:
        st.rerun()


def _settle(whose: str, options: dict[str, int], word: str) -> int | None:
    """Move the slider to a valid epoch; return the address's epoch if that one is missing.

    The address counts only if nothing was chosen yet, or the browser has gone back. Otherwise it
    may be older than the choice, since a polling page sends the address of its last drawing.
    """
    other = st.session_state.get(state.REWOUND, whose) != whose
    st.session_state[state.REWOUND] = whose
    if other:  # the address's epoch belongs to the previous run or model
        st.session_state[state.EPOCH] = word
        state.put(state.EPOCH, "")
        return None
    back = getattr(get_script_run_ctx(), "is_history_navigation", False)
    if st.session_state.get(state.EPOCH) in options and not back:
        return None
    address = st.query_params.get(state.EPOCH, "")
    requested = whole_number(address)
    names = [
        name for name, epoch in options.items() if requested is not None and epoch <= requested
    ]
    st.session_state[state.EPOCH] = nearest = names[-1] if names else word
    if address and requested not in options.values():
        state.put(state.EPOCH, "" if nearest == word else nearest)
        return requested
    return None
