"""The epoch slider: one epoch, in the address, that everything beside it is rewound to."""

import streamlit as st

from ui import state


def ask(kept: tuple[int, ...], last: int, default: int) -> int | None:
    """The slider; gives the epoch that is looked at, `None` where there is nothing to slide over.

    Args:
        kept: the epochs that can be looked at, in order.
        last: where the slider ends. Beyond the last kept epoch it stands for the latest one, so
            that it keeps its place while a run goes on.
        default: where it stands unless the address says otherwise.
    """
    if len(kept) < 2 or last <= kept[0]:
        return kept[-1] if kept else None
    asked = st.query_params.get(state.EPOCH)
    if asked is not None and not (asked.isdecimal() and kept[0] <= int(asked) <= last):
        del st.query_params[state.EPOCH]
    stands = st.session_state.get(state.EPOCH, default)
    name = f"the latest, {kept[-1]}" if stands >= kept[-1] else str(stands)
    value = st.slider(
        f"Epoch that is looked at: **{name}**", kept[0], last, default, key=state.EPOCH,
        bind="query-params",
        help="Rewinds numbers, curves, verdicts and studies to what the network thought then.",
    )  # fmt: skip
    return max((epoch for epoch in kept if epoch <= value), default=kept[0])
