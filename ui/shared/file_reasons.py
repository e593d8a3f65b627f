"""Files with reasons, such as ignored or doubted ones: the first by name, all behind one line."""

from collections.abc import Sequence

import streamlit as st

from ui.shared import theme

NAMED = 3  # reasons shown at once
LIST_PX = 300  # height of the whole list, which scrolls


def show(files: Sequence[tuple[str, str]], headline: str, icon: str | None = None) -> None:
    """Show a warning with the first few; a longer list can be opened.

    Args:
        files: (name, reason) of each; the reason continues a sentence that begins with the name.
            Without files there is no warning.
        headline: what became of them, as Markdown, without its full stop.
        icon: of the warning.
    """
    if not files:
        return
    lines = _by_reason(files)
    st.warning(f"{headline}:\n\n" + "\n".join(lines[:NAMED]), icon=icon)
    if len(files) > NAMED:
        with st.expander(f"All {len(files):,} files"), st.container(height=LIST_PX, border=False):
            st.markdown("\n".join(_line(*each) for each in files))


def _by_reason(files: Sequence[tuple[str, str]]) -> list[str]:
    """One line per reason, with its first file and the number of others."""
    names: dict[str, list[str]] = {}
    for name, reason in files:
        names.setdefault(reason, []).append(name)
    lines = []
    for reason, alike in names.items():
        others = len(alike) - 1
        same = f" The same for {theme.plural(others, 'other')}." if others else ""
        lines.append(_line(alike[0], reason) + same)
    return lines


def _line(name: str, reason: str) -> str:
    return f"- **{theme.plain(name)}** {theme.plain(reason)}"
