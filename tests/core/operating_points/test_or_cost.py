"""The price of OR, and the shortcut meter."""

import numpy as np
import pandas as pd
import pytest

from fracture_core.operating_points import or_cost, shortcut_meter, study_scores
from fracture_core.verdicts import aggregation
from tests.core import made_predictions


def independent_films(studies: int, views: int) -> pd.DataFrame:
    """Negative studies whose films err independently."""
    films = made_predictions.films(studies, prevalence=0.0)
    rows = films.drop_duplicates(["patient", "study"])
    rows = rows.loc[rows.index.repeat(views)].reset_index(drop=True)
    return rows.assign(probability=np.random.default_rng(0).random(len(rows)))


def test_independent_films_cost_what_the_power_says() -> None:
    assert or_cost.independent(0.9, 3) == pytest.approx(0.729)
    price = or_cost.prices(independent_films(3_000, 3)).at(0.9)
    [study] = price.studies.values()
    assert study.n == 3_000 and study.low < 0.9**3 < study.high


def test_measured_points_are_those_of_the_verdicts() -> None:
    films = made_predictions.films(150, seed=4)
    prices = or_cost.prices(films)
    for threshold in (0.0, 0.3, 0.5, 1.0):
        table = aggregation.verdicts(films, films["probability"].to_numpy(), threshold)
        negative = table[table["label"] == 0]
        for views, share in prices.at(threshold).studies.items():
            rows = negative[negative["images"] == views]
            assert (share.n, share.count) == (len(rows), (~rows["verdict"].astype(bool)).sum())
        cleared = films["probability"].to_numpy(np.float64)[films["label"] == 0] <= threshold
        film = prices.at(threshold).film
        assert (film.count, film.n) == (cleared.sum(), len(cleared))


def test_the_price_grows_with_the_films_and_falls_with_the_threshold() -> None:
    shares = [or_cost.independent(0.8, n) for n in range(1, 8)]
    assert shares == sorted(shares, reverse=True)
    prices = or_cost.prices(made_predictions.films(200))
    for views in prices.studies:
        counts = [prices.at(t).studies[views].count for t in np.linspace(0, 1, 21)]
        assert counts == sorted(counts)


def test_the_wrists_of_patients_lie_above_independent_errors() -> None:
    assert or_cost.WRISTS.independent == pytest.approx(0.825 * 0.864)
    assert or_cost.WRISTS.independent < or_cost.WRISTS.study < min(or_cost.WRISTS.films)


def test_without_negative_studies_there_is_no_price() -> None:
    price = or_cost.prices(made_predictions.films(20, prevalence=1.0)).at(0.5)
    assert price.studies == {} and price.film.value is None


def test_the_meter_finds_a_number_of_views_that_tells_the_label() -> None:
    films = made_predictions.films(400, seed=1)
    table = study_scores.of_films(films)
    plain = shortcut_meter.measure(table)
    assert plain[shortcut_meter.VIEWS].low < 0.5 < plain[shortcut_meter.VIEWS].high
    leaking = table.assign(label=(table["views"] >= 3).astype(int))
    told = shortcut_meter.measure(leaking)
    assert told[shortcut_meter.VIEWS].value == 1.0
    within = [name for name in told if name not in (shortcut_meter.VIEWS, shortcut_meter.MODEL)]
    assert within and all(told[name].value is None for name in within)  # one label in each


def test_the_meters_model_is_that_of_or() -> None:
    from sklearn import metrics as sk

    table = study_scores.of_films(made_predictions.films(200, seed=6))
    rows = shortcut_meter.measure(table)
    expected = sk.roc_auc_score(table["label"], table["or"])
    assert rows[shortcut_meter.MODEL].value == pytest.approx(expected, abs=1e-6)
    two = table[table["views"] == 2]
    own = rows["the model, 2 views"]
    assert own.value == pytest.approx(sk.roc_auc_score(two["label"], two["or"]), abs=1e-6)
    assert own.n == len(two) and own.low < own.value < own.high
