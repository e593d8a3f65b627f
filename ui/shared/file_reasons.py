"""Files, and why each of them is left out or doubted: the first by name, all behind one line."""

from collections.abc import Sequence

import streamlit as st

from ui.shared import theme

NAMED = 3  # reasons that are told at once
LIST_PX = 300  # height of the whole list, which scrolls


def show(files: Sequence[tuple[str, str]], headline: str, icon: str | None = None) -> None:
    """A warning with the first few; where there are more, the whole list can be opened.

    Args:
        files: (name, reason) of each; the reason goes on from the name. None of them, no warning.
        headline: what became of them, as Markdown, without its full stop.
        icon: of the warning.
    """
    if not files:
        return
    told = _by_reason(files)
    st.warning(f"{headline}:\n\n" + "\n".join(told[:NAMED]), icon=icon)
    if len(files) > NAMED:
        with st.expander(f"All {len(files):,} files"), st.container(height=LIST_PX, border=False):
            st.markdown("\n".join(_line(*each) for each in files))


def _by_reason(files: Sequence[tuple[str, str]]) -> list[str]:
    """A line a reason, with the first file that has it and how many others do."""
    names: dict[str, list[str]] = {}
    for name, reason in files:
        names.setdefault(reason, []).append(name)
    lines = []
    for reason, alike in names.items():
        others = len(alike) - 1
        same = f" The same goes for {theme.plural(others, 'other')}." if others else ""
        lines.append(_line(alike[0], reason) + same)
    return lines


def _line(name: str, reason: str) -> str:
    return f"- **{theme.plain(name)}** {theme.plain(reason)}"
