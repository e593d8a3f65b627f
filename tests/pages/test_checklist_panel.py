"""The checklist for a paper on Evaluate."""

from pathlib import Path

from streamlit.testing.v1 import AppTest

from fracture_core.reports.claim_checklist import State

APP = str(Path(__file__).parents[2] / "app.py")


def test_the_checklist_counts_its_items_and_lists_them(run_copy: Path) -> None:
    app = AppTest.from_file(APP, default_timeout=60)
    app.session_state["checklist"] = True
    app.switch_page("pages/evaluate.py").run()
    assert not app.exception
    table = next(each.value for each in app.dataframe if "asks for" in each.value)
    assert len(table) == 42
    filled = table["state"].str.endswith(State.FILLED).sum()
    words = "\n".join(each.value for each in app.markdown)
    assert f"Of 42 items the model's card fills **{filled}**" in words and filled > 12
    assert table.loc[table["item"] == 9, "answer"].item().startswith("Each film in grey")
