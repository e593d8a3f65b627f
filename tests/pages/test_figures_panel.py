"""All figures on Evaluate: their intervals, slices, prevalence and cost; MURA's published ones."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import NumberInput

from fracture_core.analysis import published_results
from fracture_core.evaluations import evaluation
from fracture_core.runs import journal
from fracture_core.verdicts import estimates, figure_words
from ui.cache import data_cache
from ui.evaluate import figures_panel

APP = str(Path(__file__).parents[2] / "app.py")


@pytest.fixture
def app(run_copy: Path) -> AppTest:
    """The page with the table open."""
    app = AppTest.from_file(APP, default_timeout=60)
    app.session_state["all-figures"] = True
    return app.switch_page("pages/evaluate.py").run()


def table(app: AppTest) -> pd.DataFrame:
    frames = [each.value for each in app.dataframe]
    return next(each for each in frames if "Figure" in each).set_index("Figure")


def test_every_figure_has_its_value_interval_n_and_a_line_on_both_levels(
    app: AppTest, run_copy: Path
) -> None:
    assert not app.exception
    shown = table(app)
    value = evaluation.of_run(run_copy, journal.best_epoch(run_copy), "valid")
    levels = estimates.of_films(value.films, value.threshold)
    assert list(shown.index) == ["Baseline", *figure_words.TITLES.values()]
    row = shown.loc["Balanced accuracy"]
    figure = levels["studies"]["balanced_accuracy"]
    assert row["Studies"].replace("\N{NO-BREAK SPACE}", " ") == f"{100 * figure.value:.1f} %"
    assert row["95 % interval"] == f"{100 * figure.low:.1f} to {100 * figure.high:.1f}"
    assert shown.loc["Sensitivity", "n "] == str(int(value.films["label"].sum()))
    notes = "\n".join(each.value for each in app.markdown)
    assert all(f"**{title}**: " in notes for title in figure_words.TITLES.values())


def prevalence(app: AppTest) -> NumberInput:
    """The field, whose key names its films."""
    return next(each for each in app.number_input if each.key.startswith("prevalence"))


def test_prevalence_and_cost_move_what_depends_on_them_alone(app: AppTest) -> None:
    before = table(app)
    prevalence(app).set_value(2.0)
    app.number_input(key="cost-ratio").set_value(10.0).run()
    after = table(app)
    changed = before.index[(before != after).any(axis=1)]
    assert "Expected cost" in changed and "NPV" in changed
    assert set(changed) <= {"PPV", "NPV", "Expected cost"}
    prevalence(app).set_value(200.0).run()
    assert not app.exception and "from 0 to 100" in app.error[0].value


def test_a_slice_has_the_figures_of_its_own_films(app: AppTest, run_copy: Path) -> None:
    films = evaluation.of_run(run_copy, journal.best_epoch(run_copy), "valid").films
    box = app.selectbox(key="slice")
    own = estimates.slices(films)
    assert list(box.options) == ["all films", *own]
    name = next(iter(own))
    box.select(name).run()
    assert not app.exception
    assert table(app).loc["Accuracy", "n "] == str(len(own[name]))
    share = own[name].groupby(["patient", "study"])["label"].first().mean()
    assert prevalence(app).value == pytest.approx(100 * share, abs=0.05)


def test_published_results_stand_beside_muras_own_films_alone(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert published_results.NONE_SMALL not in [each.value for each in app.caption]
    real = replace(data_cache.dataset(), synthetic=False)
    monkeypatch.setattr(data_cache, "dataset", lambda choice=None: real)
    app.run()
    assert published_results.NONE_SMALL in [each.value for each in app.caption]


def test_without_a_meaning_a_figure_is_a_dash() -> None:
    films = pd.DataFrame(
        {
            "split": "valid",
            "part": "hand",
            "patient": ["a", "b"],
            "study": "study1",
            "view": 0,
            "label": 0,
            "path": ["a.png", "b.png"],
            "probability": [0.1, 0.2],
        }
    )
    rows = figures_panel.table(estimates.of_films(films, 0.5), films).set_index("Figure")
    assert rows.loc["Sensitivity", ["Studies", "95 % interval", "n"]].tolist() == ["–", "–", "0"]
    assert rows.loc["Baseline", "Studies"].startswith("100.0")


def test_a_selected_figure_shows_its_receipt_by_study_and_by_image(
    run_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = figures_panel._draw
    monkeypatch.setattr(figures_panel, "_draw", lambda *given: drawn(*given) or "kappa")
    app = AppTest.from_file(APP, default_timeout=60)
    app.session_state["all-figures"] = True
    app.switch_page("pages/evaluate.py").run()
    assert not app.exception
    titles = [each.value for each in app.markdown if each.value.startswith("**Receipt: ")]
    assert titles == [f"**Receipt: Cohen's kappa {words}**" for words in ("by study", "by image")]
    commands = [each.value for each in app.code if " evaluate " in each.value]
    assert len(commands) == 2 and all(f" {run_copy.name}" in each for each in commands)
