"""Buttons that keep a choice in a model's card, or remove it from there."""

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from fracture_core.models.model import Model
from ui.shell import actions, owner


def release_first(model: Model, what: str) -> None:
    """Say how a run's choice gets into a card.

    Args:
        model: of a run.
        what: the choice, as "a point".
    """
    st.caption(
        "A run cannot keep a choice, as each of its epochs is another model. To keep "
        f"{what}, release this epoch: `python -m fracture_core release {model.reference} NAME`"
    )


def show(
    save: Callable[..., None],
    reference: str,
    offered: Mapping[str, tuple[str, Any]],
    own: Any,
    drop_key: str,
) -> None:
    """Draw a button for each choice, and one that removes the card's own.

    Args:
        save: action that takes the model's reference and a choice, `None` to remove it.
        reference: of the model.
        offered: key of a button -> its label and its choice.
        own: the choice in the card; `None` without one.
        drop_key: of the button that removes it.
    """
    with st.container(horizontal=True):
        for key, (label, choice) in offered.items():
            owner.button(
                label,
                key=key,
                icon=":material/bookmark_add:",
                on_click=actions.pressed,
                args=(save, reference, choice),
                disabled=choice == own,
            )
        if own:
            owner.button(
                "Remove it from the card",
                key=drop_key,
                on_click=actions.pressed,
                args=(save, reference, None),
            )
