"""Receipts: their commands print the same figures again, and name what the figures rest on."""

import json
import shlex
from functools import cache
from pathlib import Path

import pytest

from fracture_core.cli import command_line
from fracture_core.models import cards, evaluation
from fracture_core.reports import receipts
from fracture_core.reports.receipts import Scope
from fracture_core.verdicts import estimates

FIGURES = ("accuracy", "sensitivity", "ppv", "kappa", "auroc")


@pytest.fixture
def printed(capsys):
    """Run a command in this process, once, and return its JSON."""

    @cache
    def run(command: str) -> dict:
        words = shlex.split(command)
        assert words[:3] == ["python", "-m", "fracture_core"]
        assert command_line.main(words[3:]) == 0
        return json.loads(capsys.readouterr().out)

    return run


@pytest.mark.parametrize("split", ["dev", "valid"])
def test_ten_commands_of_receipts_print_their_figures_again(run_copy: Path, printed, split) -> None:
    model = cards.find(f"{run_copy.name}@2")
    value = evaluation.of_run(run_copy, 2, split)
    scopes = (Scope(), Scope(prevalence=0.125, cost_ratio=3))
    tried = 0
    for scope in scopes:
        levels = estimates.of_films(
            value.films, value.threshold, scope.prevalence, scope.cost_ratio
        )
        for level in receipts.LEVELS:
            for name in FIGURES:
                figure = levels[level][name]
                receipt = receipts.of_figure(value, model, level, name, figure, scope)
                again = printed(receipt.command)
                for key in receipt.key:
                    again = again[key]
                assert (again["value"], again["low"], again["n"]) == (
                    figure.value,
                    figure.low,
                    figure.n,
                )
                tried += 1
    assert tried == 2 * 2 * len(FIGURES) >= 10


def test_a_slice_is_found_under_its_name(run_copy: Path, printed) -> None:
    model, value = cards.find(f"{run_copy.name}@2"), evaluation.of_run(run_copy, 2, "valid")
    name, films = next(iter(estimates.slices(value.films).items()))
    figure = estimates.of_films(films, value.threshold)["studies"]["accuracy"]
    receipt = receipts.of_figure(value, model, "studies", "accuracy", figure, Scope(films=name))
    again = printed(receipt.command)
    for key in receipt.key:
        again = again[key]
    assert (again["value"], again["n"]) == (figure.value, figure.n)


def test_a_receipt_names_films_data_rule_and_threshold(run_copy: Path) -> None:
    model, value = cards.find(f"{run_copy.name}@2"), evaluation.of_run(run_copy, 2, "valid")
    figure = estimates.of_films(value.films, value.threshold)["studies"]["kappa"]
    receipt = receipts.of_figure(value, model, "studies", "kappa", figure, Scope())
    rows = dict(receipt.rows)
    assert receipt.title == "Cohen's kappa by study"
    assert rows["n"].startswith(f"{figure.n} studies of {figure.groups} patients")
    assert str(value.data["hash"]) in rows["Data"] and "epoch 2" in rows["Model"]
    assert rows["Threshold"].startswith("0.5, ") and "(OR)" in rows["Rule"]
    assert "Split by patient" in rows["Training split"]
