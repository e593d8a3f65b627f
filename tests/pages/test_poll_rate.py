"""Many browsers: how often they look, and one page drawn after the other."""

import threading

import pytest

from ui.shell import poll_rate, turns


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The session that looks, the last of the list; at a standing clock."""
    sessions = ["0"]

    class Context:
        @property
        def session_id(self) -> str:
            return sessions[-1]

    poll_rate._sessions.clear()
    monkeypatch.setattr(poll_rate, "get_script_run_ctx", Context)
    monkeypatch.setattr(poll_rate.time, "monotonic", lambda: 0.0)
    return sessions


def test_the_more_browsers_look_the_less_often_each_does(browser: list[str]) -> None:
    levels = []
    for number in range(poll_rate.MANY + 1):
        browser.append(str(number))
        poll_rate.level()
        levels.append(poll_rate.level())  # who looks again is no other
    assert levels == [0] * poll_rate.SOME + [1] * (poll_rate.MANY - poll_rate.SOME) + [2]


def test_looks_become_more_frequent_only_when_many_have_gone(
    browser: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(poll_rate.MANY + 1):
        browser.append(str(number))
        poll_rate.level()
    poll_rate._sessions().pop("0")
    assert poll_rate.level() == 1 and poll_rate.level(before=2) == 2
    monkeypatch.setattr(poll_rate.time, "monotonic", lambda: poll_rate.GONE_SECONDS + 1)
    assert poll_rate.level(before=2) == 0  # all others have gone


def test_pages_are_drawn_one_after_the_other() -> None:
    inside, most = [], []
    ready = threading.Barrier(4)

    @turns.in_turn
    def draw() -> None:
        with turns.turn():  # a part of a page that is drawn with the page
            inside.append(1)
            most.append(len(inside))
            inside.pop()

    def page() -> None:
        ready.wait()
        for _ in range(100):
            draw()

    threads = [threading.Thread(target=page) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1 and len(most) == 400


def test_who_waits_for_something_long_lets_others_draw() -> None:
    drawn, done = threading.Event(), threading.Event()

    def other() -> None:
        with turns.turn():
            drawn.set()
        done.set()

    thread = threading.Thread(target=other)
    with turns.turn():
        thread.start()
        with turns.pause():
            assert drawn.wait(30) and done.wait(30)
        turns._lock.clear()  # all caches are emptied: the turn ends all the same
    with turns.turn():
        pass
    thread.join()


def test_a_page_that_takes_too_long_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns, "PATIENCE_SECONDS", 0.01)
    drawn = threading.Event()

    def other() -> None:
        with turns.turn():
            drawn.set()

    thread = threading.Thread(target=other)
    with turns.turn():
        thread.start()
        assert drawn.wait(30)
    thread.join()
