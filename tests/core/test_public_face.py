"""The names that `fracture_core` itself offers: light to import, and their examples run."""

import doctest
import subprocess
import sys
from pathlib import Path

import pytest

import fracture_core

PROJECT = Path(__file__).resolve().parents[2]


def test_importing_the_library_loads_nothing_heavy() -> None:
    code = (
        "import sys, fracture_core; fracture_core.TrainConfig\n"
        "print([n for n in ('numpy', 'pandas', 'tensorflow', 'streamlit') if n in sys.modules])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"


def test_every_name_of_the_face_is_there_and_has_an_example() -> None:
    for name in fracture_core.__all__:
        thing = getattr(fracture_core, name)
        assert name == "TrainConfig" or ">>> " in thing.__doc__, name
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        fracture_core.nothing  # noqa: B018


@pytest.mark.slow
def test_the_examples_run_in_the_order_of_the_module(folders, monkeypatch) -> None:
    monkeypatch.chdir(folders)
    names = dict(vars(fracture_core))
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(verbose=False)
    order = [each for each in vars(fracture_core) if each in fracture_core.__all__]
    assert {*order, "TrainConfig"} == set(fracture_core.__all__)  # the record has no example
    for name in order:
        run_example(parser, runner, name, names)
    assert runner.summarize().attempted >= 2 * len(order) - 2
    assert (
        len(names["studies"])
        == names["dataset"]
        .manifest.query("split == 'valid'")
        .groupby(["part", "patient", "study"])
        .ngroups
    )


def run_example(
    parser: doctest.DocTestParser, runner: doctest.DocTestRunner, name: str, names: dict
) -> None:
    """Run a docstring's example; what it defines is there for the next."""
    example = parser.get_doctest(getattr(fracture_core, name).__doc__, names, name, None, None)
    assert example.examples
    result = runner.run(example, clear_globs=False)
    names.update(example.globs)
    assert (result.failed, result.attempted) == (0, len(example.examples)), name
