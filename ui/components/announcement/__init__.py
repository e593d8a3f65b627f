"""Words for a screen reader, read aloud when they change: what is going on, how many are shown.

Nothing of it is seen. `announcement.js` and `announcement.css` are beside this file.
"""

from ui.components import register

_component = register(
    "announcement",
    '<div class="announcement" role="status"></div>',
    "announcement",
    ["announcement"],
)


def show(words: str, key: str, kind: str = "", pause: float = 0.0) -> None:
    """Draw the place of an announcement; it is polite, and waits for what is being read.

    Args:
        words: plain text.
        key: of the place.
        kind: once it changes, words are announced without a pause.
        pause: seconds, at least, between two announcements of one kind.
    """
    data = {"words": words, "kind": kind, "pause": pause}
    _component(data=data, key=key, width="content")
