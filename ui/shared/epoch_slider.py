"""The epoch slider: one epoch, in the address, that everything beside it is rewound to."""

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from fracture_core.config import whole_number
from ui.shell import state

LATEST = "latest"  # what the slider's end is called: a run that goes on is followed there
_LABEL = "Epoch that is looked at"
_HELP = "Rewinds numbers, curves, verdicts and studies to what the network thought then."


def ask(
    whose: str,
    kept: tuple[int, ...],
    usual: int | None = None,
    word: str = LATEST,
    always: bool = False,
    whole: bool = False,
) -> int | None:
    """The slider; gives the epoch that is looked at, `None` where there is nothing to slide over.

    It spans the epochs that exist, and stands at `usual` until another one is chosen, which the
    address then names.

    Args:
        whose: stands for what is rewound; with another one the slider begins at `usual`.
        kept: the epochs that can be looked at, in order.
        usual: where it stands unless another one was chosen; `None` for the last of `kept`.
        word: what `usual` is called on the slider.
        always: whether it shows, at rest, where there is nothing to slide over yet.
        whole: whether the whole page follows it, not only the part that it is drawn in.
    """
    if len(kept) < 2:
        if always:
            stands = f"the only one, {kept[0]}" if kept else "none yet"
            st.select_slider(
                f"{_LABEL}: **{stands}**", [word], key="no-epochs", disabled=True, help=_HELP
            )
        return kept[-1] if kept else None
    if usual not in kept:
        usual, word = kept[-1], LATEST
    # Words, and the usual one always the same: by them Streamlit finds the choice again when
    # epochs come. `st.slider` would be made anew for a longer range, and so fall out of the hand
    # that moves it.
    options = {word if epoch == usual else str(epoch): epoch for epoch in kept}
    missing = _settle(whose, options, word)
    stands = st.session_state[state.EPOCH]
    # Not bound to the address by Streamlit: where the page was just drawn anew by itself, as at the
    # end of a run, the browser forgot to write down what was chosen, every third time.
    chosen = st.select_slider(
        f"{_LABEL}: **{f'the {word}, {usual}' if stands == word else stands}**",
        list(options), key=state.EPOCH, on_change=_write, args=(word, whole), help=_HELP,
    )  # fmt: skip
    if missing:
        st.toast(
            f"Nothing is kept of epoch {missing}; epoch {options[chosen]} is shown in its place.",
            icon=":material/info:", duration="long",
        )  # fmt: skip
    return options[chosen]


def chosen(whose: str) -> int | None:
    """The epoch that the slider was moved to; `None` while it stands where it does by itself.

    Args:
        whose: as in `ask`, which may be called later in the same run of the script.
    """
    if st.session_state.get(state.REWOUND, whose) != whose:
        return None
    stands = st.session_state.get(state.EPOCH, st.query_params.get(state.EPOCH, ""))
    return whole_number(stands)


def current(kept: tuple[int, ...], sliding: bool = True) -> int | None:
    """Where a slider with `LATEST` stands that another part of the page draws.

    Args:
        kept: the epochs that can be looked at, in order.
        sliding: whether there is one; else the last epoch is looked at.
    """
    chosen = whole_number(str(st.session_state.get(state.EPOCH, ""))) if sliding else None
    return chosen if chosen in kept else kept[-1] if kept else None


def _write(word: str, whole: bool) -> None:
    chosen = st.session_state[state.EPOCH]
    state.put(state.EPOCH, "" if chosen == word else chosen)
    if whole:
        st.rerun()


def _settle(whose: str, options: dict[str, int], word: str) -> int | None:
    """Put the slider where it can stand; gives an epoch that the address names and that is none.

    The address is asked where nothing was chosen yet, or the browser has gone back. Else it may be
    older than the choice: a page that looks for news by itself asks with the address of when it
    asked.
    """
    other = st.session_state.get(state.REWOUND, whose) != whose
    st.session_state[state.REWOUND] = whose
    if other:  # what the address says is of what was rewound before
        st.session_state[state.EPOCH] = word
        state.put(state.EPOCH, "")
        return None
    back = getattr(get_script_run_ctx(), "is_history_navigation", False)
    if st.session_state.get(state.EPOCH) in options and not back:
        return None
    address = st.query_params.get(state.EPOCH, "")
    asked = whole_number(address)
    names = [name for name, epoch in options.items() if asked is not None and epoch <= asked]
    st.session_state[state.EPOCH] = stands = names[-1] if names else word
    if address and asked not in options.values():
        state.put(state.EPOCH, "" if stands == word else stands)
        return asked
    return None
