"""The recipe of docs/scale.md, word for word."""

import shlex
from pathlib import Path

from fracture_core.cli import command_line

PAGE = Path(__file__).resolve().parents[3] / "docs" / "scale.md"


def recipe() -> list[list[str]]:
    """Return the words of each line of the page's only block of commands."""
    (block,) = PAGE.read_text().split("```bash\n")[1:]
    return [shlex.split(line) for line in block.partition("```")[0].splitlines()]


def test_every_command_of_the_recipe_is_one_and_every_variable_is_read() -> None:
    variables, commands = [], []
    for words in recipe():
        if words[0] == "export":
            variables += [word.partition("=")[0] for word in words[1:]]
        else:
            assert words[:3] == ["python", "-m", "fracture_core"]
            commands.append(command_line.parse(words[3:]))
    assert [options.launcher for options in commands if hasattr(options, "launcher")] == [
        "slurm",
        None,
    ]
    code = "".join(path.read_text() for path in (PAGE.parents[1] / "fracture_core").rglob("*.py"))
    assert variables and all(f'"{name}"' in code for name in variables)
