"""Plain English, held by a test: how docstrings open, and words that stay out."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
CODE = (
    "app.py",
    "pages/*.py",
    "ui/**/*.py",
    "fracture_core/**/*.py",
    "tests/**/*.py",
    "benchmarks/*.py",
    "docs/*.py",
)
CLAUSES = ("what", "which", "who", "whose", "how", "where", "why", "whether", "when")
BANNED = (
    r"so-manieth",
    r"\bby who\b",
    r"\bfor who\b",
    r"\blikewise\b",
    r"\banew\b",
    r"\bsomebody\b",
    r"\bnobody (else|is|has|asks|makes|would|had|may|waits)\b",
    r"of its own accord",
    r"that is looked at",
    r"\bTake it with you\b",
    r"\bWhere it comes from\b",
    r"\bat work\b",
)
TEXTS = ("README.md", "CONTRIBUTING.md", "docs/*.md", *CODE)


def paths(patterns: tuple[str, ...]) -> Iterator[Path]:
    for pattern in patterns:
        yield from sorted(PROJECT.glob(pattern))


def docstrings() -> Iterator[tuple[str, str]]:
    """Yield every docstring of the code, and where it stands."""
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    for path in paths(CODE):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, kinds) and (text := ast.get_docstring(node)):
                line = getattr(node, "lineno", 1)
                yield f"{path.relative_to(PROJECT)}:{line}", text


def opens_with_clause(text: str) -> bool:
    """Return whether a docstring opens with "what", "whether" and the like, or with a question."""
    first, _, _ = text.partition("\n")
    is_question = re.match(r"[^.:]*\?(\s|$)", first) is not None
    return first.split()[0].strip(",.").lower() in CLAUSES or is_question


def test_docstrings_open_with_a_verb_or_a_noun() -> None:
    clauses = [place for place, text in docstrings() if opens_with_clause(text)]
    assert clauses == [], "say what it returns, does or is"


def test_the_rule_for_docstrings_can_fail() -> None:
    assert opens_with_clause("What a run has left.\n\nMore.")
    assert opens_with_clause("Whether it is alive.")
    assert not opens_with_clause("Return whether it is alive.")
    assert opens_with_clause("Does a killed run lose anything? Kills runs, and compares.")
    assert opens_with_clause("Is it quick?")
    assert not opens_with_clause("Kill runs. Who loses?")


@pytest.mark.parametrize("word", BANNED)
def test_banned_words_stay_out(word: str) -> None:
    places = [
        f"{path.relative_to(PROJECT)}:{number}"
        for path in paths(TEXTS)
        if path != Path(__file__)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(word, line, re.IGNORECASE)
    ]
    assert places == []
