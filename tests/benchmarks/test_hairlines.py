"""The benchmark of breaks by kind: which studies are compared, and its interval."""

import numpy as np
import pandas as pd
import pytest

from benchmarks import hairlines
from fracture_core.datasets import catalog
from fracture_core.phantom import phantom_set, study_plan


@pytest.mark.slow
def test_each_study_has_the_grade_that_was_drawn_and_its_greatest_score(phantom_root) -> None:
    films = catalog.read(phantom_root).manifest
    films = films.assign(probability=np.linspace(0, 1, len(films)))
    studies = hairlines.with_kinds(films, phantom_root)
    settings = phantom_set.settings(phantom_root)
    planned = study_plan.plan(settings["studies"], settings["seed"])
    drawn = {
        f"{each.split}/{each.part}/patient{each.patient:05d}/study{each.number}": each.kind
        for each in planned
    }
    assert studies["kind"].to_dict() == {key: kind or "none" for key, kind in drawn.items()}
    greatest = films.groupby(catalog.study_key(films))["probability"].max()
    assert studies["probability"].to_dict() == greatest.to_dict()


def test_the_interval_holds_the_area_and_narrows_with_more_studies() -> None:
    random = np.random.default_rng(1)
    widths = []
    for count in (20, 500):
        area, low, high = hairlines.area_of(random.normal(1, 1, count), random.normal(0, 1, count))
        assert low < area < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 3
    assert hairlines.area_of(np.ones(9), np.zeros(9)) == (1.0, 1.0, 1.0)
    assert hairlines.area_of(np.ones(9), np.ones(9)) == (0.5, 0.5, 0.5)


def test_normal_studies_are_those_without_a_break(capsys: pytest.CaptureFixture[str]) -> None:
    hairlines.print_kinds(
        pd.DataFrame(
            {
                "kind": ["none", "none", "hairline", "displaced"],
                "pattern": ["none", "none", "oblique", "spiral"],
                "probability": [0.2, 0.4, 0.3, 0.9],
            }
        )
    )
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" (")[0] for line in lines] == [
        "displaced against normal: AUROC 1.000",
        "hairline against normal: AUROC 0.500",
        "hairline, oblique against normal: AUROC 0.500",
    ]
    assert all("1 against 2 studies" in line for line in lines)
