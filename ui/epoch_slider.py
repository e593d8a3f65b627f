"""The epoch slider: one epoch, in the address, that everything beside it is rewound to."""

import streamlit as st

from ui import state


def ask(whose: str, kept: tuple[int, ...], last: int, default: int) -> int | None:
    """The slider; gives the epoch that is looked at, `None` where there is nothing to slide over.

    Args:
        whose: stands for what is rewound; with another one the slider begins at `default`.
        kept: the epochs that can be looked at, in order.
        last: where the slider ends. Beyond the last kept epoch it stands for the latest one, so
            that it keeps its place while a run goes on.
        default: where it stands unless the address says otherwise.
    """
    if len(kept) < 2 or last <= kept[0]:
        return kept[-1] if kept else None
    asked = st.query_params.get(state.EPOCH)
    held = st.session_state.get(state.EPOCH, default)
    known = asked is None or (asked.isdecimal() and kept[0] <= int(asked) <= last)
    other = st.session_state.get(state.REWOUND, whose) != whose
    if other or not (known and kept[0] <= held <= last):
        st.session_state[state.EPOCH] = default
    st.session_state[state.REWOUND] = whose
    named = int(asked) if asked is not None and known else default  # until the slider is there
    stands = st.session_state.get(state.EPOCH, named)
    name = f"the latest, {kept[-1]}" if stands >= kept[-1] else str(stands)
    value = st.slider(
        f"Epoch that is looked at: **{name}**", kept[0], last, default, key=state.EPOCH,
        bind="query-params",
        help="Rewinds numbers, curves, verdicts and studies to what the network thought then.",
    )  # fmt: skip
    return max((epoch for epoch in kept if epoch <= value), default=kept[0])
