"""A bell: the browser's own notification when a run ends or needs a person, if that is allowed.

`notice.js` and `notice.css` are beside this file. The notification is the browser's and names the
run; nothing leaves this machine.
"""

from ui.components import register

_component = register(
    "end_notice", '<button type="button" class="bell"></button>', "notice", ["notice"]
)


def show(name: str, words: str, is_active: bool) -> None:
    """Draw the bell.

    Args:
        name: the run's.
        words: what it is doing, or how it has ended.
        is_active: whether it goes on; when that changes, the notification is shown.
    """
    data = {"name": name, "words": words, "active": is_active}
    _component(data=data, key="end-notice", width="content")
