"""The live curves over the wire: only what a browser lacks is sent, and it makes the whole."""

import numpy as np
import pytest

from ui.components import live_curves
from ui.components.live_curves import POINTS, Line, Sent


class Browser:
    """Do in Python as `curves.js` does with the messages, in Python."""

    def __init__(self) -> None:
        self.message = ""
        self.points: list[np.ndarray] = []
        self.received = 0

    def hears(self, news: dict) -> bool:
        """Return whether it could go on from the message that this one names."""
        if news["follows"] and news["follows"] != self.message:
            return False
        before = self.points if news["follows"] else []
        self.points = []
        for number, (stay, *new) in enumerate(news["points"]):
            old = before[number][:stay] if number < len(before) else np.empty((0, 2))
            self.received += len(new[0]) if new else 0
            self.points.append(np.concatenate([old, np.array(new).T]) if new else old)
        self.message = news["message"]
        return True


def line(values: np.ndarray) -> Line:
    """The line through values one epoch apart."""
    drawn = live_curves.drawn(np.arange(len(values)) + 1, values)
    return Line(panel="loss", name="dev", colour="#fff", points=drawn)


LOSS = np.random.default_rng(0).random(4 * POINTS)


@pytest.mark.parametrize(
    "lengths",
    [
        [0, 1, 2, 3, 10],
        [POINTS - 1, POINTS, POINTS + 1, POINTS + 2, 2 * POINTS + 5, 4 * POINTS],
        [50, 20, 21],  # a resume went back
    ],
)
def test_what_is_sent_after_what_a_browser_has_is_the_whole_line(lengths: list[int]) -> None:
    browser, sent = Browser(), Sent()
    for length in lengths:
        now = line(LOSS[:length])
        assert browser.hears(live_curves._news([now], sent))
        np.testing.assert_array_equal(browser.points[0], now.points)
        assert len(now.points) <= POINTS + 1


def test_a_line_that_grows_costs_its_new_points_alone() -> None:
    browser, sent = Browser(), Sent()
    for length in range(100, 200):
        browser.hears(live_curves._news([line(LOSS[:length])], sent))
    assert browser.received == 199
    same = line(LOSS[:199])
    for _ in range(3):
        assert browser.hears(live_curves._news([same], sent))
    assert browser.received == 199


def test_of_lines_that_change_their_values_only_the_changed_end_is_sent() -> None:
    browser, sent = Browser(), Sent()
    changed = LOSS[:30].copy()
    changed[20:] += 1  # trained again from there on
    for values in (LOSS[:30], changed):
        browser.hears(live_curves._news([line(values)], sent))
    assert browser.received == 40
    np.testing.assert_array_equal(browser.points[0], line(changed).points)


def test_who_has_lost_a_message_gets_all_points_again() -> None:
    browser, sent = Browser(), Sent()
    assert browser.hears(live_curves._news([line(LOSS[:10])], sent))
    live_curves._news([line(LOSS[:11])], sent)  # lost
    assert not browser.hears(live_curves._news([line(LOSS[:12])], sent))
    sent.forget()  # as it asks for
    assert browser.hears(live_curves._news([line(LOSS[:13])], sent))
    np.testing.assert_array_equal(browser.points[0], line(LOSS[:13]).points)


def test_what_is_no_number_is_left_out() -> None:
    points = live_curves.drawn([1, 2, 3], [0.5, float("nan"), 0.25])
    np.testing.assert_array_equal(points, [[1, 0.5], [3, 0.25]])
    assert live_curves.drawn([], []).shape == (0, 2)
