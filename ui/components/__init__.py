"""Components of our own: their markup, style and scripts lie beside them and need no build step."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st


def register(name: str, html: str, style: str, scripts: Sequence[str]) -> Any:
    """Register a component; return what draws it.

    Args:
        name: of the component and of its folder here.
        html: its element.
        style: its style sheet, without ".css".
        scripts: files without ".js", joined to one module in this order, after `buttons.js`.
    """
    folder = Path(__file__).parent / name
    modules = [folder.parent / "buttons.js", *(folder / f"{each}.js" for each in scripts)]
    return st.components.v2.component(
        name,
        html=html,
        css=(folder / f"{style}.css").read_text(encoding="utf-8"),
        js="\n".join(each.read_text(encoding="utf-8") for each in modules),
    )
