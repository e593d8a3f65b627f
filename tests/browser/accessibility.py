"""The accessibility checker axe-core, run over a page by whichever test opens one."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

from tests.browser.conftest import whole

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_OUR_ROOTS = (".viewer", ".curves", ".player", ".bell")  # of components, in their shadow roots
_RUN = """async ([script, rules, ours]) => {
    if (!window.axe) (0, eval)(script);
    const options = { runOnly: { type: "tag", values: rules }, resultTypes: ["violations"] };
    const { violations } = await window.axe.run(document, options);
    const roots = [...document.querySelectorAll("*")]
        .map((each) => each.shadowRoot && { host: each, node: each.shadowRoot.querySelector(ours) })
        .filter((each) => each?.node);
    const isOurs = (target) => target.some((each) => {
        // A path through shadow roots is a list; what we write as HTML lies in the page itself.
        const inPage = !Array.isArray(each);
        if (inPage) return document.querySelector(each)?.closest("[data-testid=stHtml]");
        const host = document.querySelector(each[0]);
        return roots.some((root) => root.host === host);
    });
    return violations.flatMap((rule) => rule.nodes.map((node) => ({
        rule: rule.id,
        target: node.target.flat().join(" > "),
        ours: Boolean(isOurs(node.target)),
        html: node.html.slice(0, 160),
    })));
}"""


# A part that is being redrawn is pale, and gets its colours back by a transition.
_IS_STILL = """() => !document.querySelector("[data-stale=true]") && !document.getAnimations().some(
    (each) => each instanceof CSSTransition && each.playState === "running")"""


@dataclass(frozen=True, kw_only=True)
class Violation:
    """One element that breaks one rule.

    Args:
        rule: its name in axe-core: "color-contrast".
        target: the path of selectors to the element.
        ours: whether it lies inside a component or HTML of ours; else Streamlit drew it.
        html: how the element begins.
    """

    rule: str
    target: str
    ours: bool
    html: str


def violations(page: Page) -> list[Violation]:
    """Return every violation of WCAG 2.2 AA, and of axe-core's best practices, on a page."""
    page.wait_for_function(_IS_STILL)
    return [
        Violation(**each)
        for each in page.evaluate(_RUN, [AXE_SCRIPT, RULES, ", ".join(_OUR_ROOTS)])
    ]


def check(page: Page, streamlit: Iterable[tuple[str, str]] = ()) -> None:
    """Fail on any violation but those of Streamlit that are listed, and on a listed one that went.

    Args:
        page: in the state to check.
        streamlit: see `of_streamlit`.
    """
    whole(page)
    found = violations(page)
    ours = [each for each in found if each.ours]
    assert ours == [], ours
    assert of_streamlit(found) == set(streamlit), [each for each in found if not each.ours]


def of_streamlit(found: Iterable[Violation]) -> set[tuple[str, str]]:
    """Return what Streamlit's own elements break: (rule, the element's tag and test id)."""
    return {(each.rule, _element(each.html)) for each in found if not each.ours}


def _element(html: str) -> str:
    """The tag of an element, with what names it apart from generated classes."""
    tag = html[1:].split(" ")[0].split(">")[0]
    for name in ("data-testid", "role", "aria-label"):
        if value := re.search(rf'{name}="([^"]*)"', html):
            return f"{tag}[{name}={value[1]}]"
    return tag
