"""The commands of the README work as they are written."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import fracture_core

PROJECT = Path(__file__).resolve().parent.parent
README = (PROJECT / "README.md").read_text(encoding="utf-8")
COMMANDS = (
    "pip install -r requirements.txt && streamlit run app.py",
    "pip install -r requirements-dev.txt && pytest",
)


def blocks(language: str) -> list[str]:
    """The README's code blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_the_readme_has_ten_lines_of_python_that_use_the_public_names() -> None:
    [code, *_] = blocks("python")
    tree = ast.parse(code)
    assert len(tree.body) <= 10
    [names] = [
        {name.name for name in node.names}
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module == "fracture_core"
    ]
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert len(names) > 4 and names <= used & set(fracture_core.__all__)


@pytest.mark.slow
def test_the_readmes_python_runs(folders) -> None:
    environment = os.environ | {"PYTHONPATH": str(PROJECT), "TF_CPP_MIN_LOG_LEVEL": "2"}
    printed = subprocess.run(
        [sys.executable, "-c", blocks("python")[0]],
        cwd=folders,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert printed.returncode == 0, printed.stderr
    assert "Finished" in printed.stdout
    assert "fracture" in printed.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_the_readmes_commands_are_those_of_ci(command) -> None:
    assert any(command in block for block in blocks("bash"))
    assert f"({command})" in (PROJECT / ".ci" / "run").read_text(encoding="utf-8")


def test_every_file_that_the_readme_links_to_is_there() -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", README)
    assert [target for target in targets if not (PROJECT / target).exists()] == []
