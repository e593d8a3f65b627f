"""Train, with a run in the address: pinned studies, who changes sides, and the epoch slider."""

import base64
import io
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from fracture_core.analysis import trajectories
from fracture_core.datasets.catalog import study_key
from fracture_core.epochs import predictions
from fracture_core.runs import journal, run_config, run_folders, run_lock, run_status
from ui.cache import film_cache, shared_cache
from ui.live import pinned_studies, sparks
from ui.shared import figures
from ui.shell import state

APP = Path(__file__).resolve().parents[2] / "app.py"
Open = Callable[..., AppTest]


@pytest.fixture
def open_run(run_copy: Path) -> Open:
    """Opens a browser session on the run at an address."""
    st.cache_resource.clear()

    def opened(**address: str) -> AppTest:
        app = AppTest.from_file(str(APP), default_timeout=30).switch_page("pages/train.py")
        app.query_params.update({"run": run_copy.name, **address})
        app.run()
        assert not app.exception
        return app

    return opened


def said(app: AppTest) -> str:
    kinds = (app.title, app.header, app.subheader, app.markdown, app.caption)
    return "\n".join(element.value for kind in kinds for element in kind).replace("\\", "")


def links(app: AppTest) -> list[str]:
    """The labels of links to pages."""
    return [link.proto.label.replace("\\", "") for link in app.get("page_link")]


def rewrite(folder: Path, *tables: np.ndarray) -> trajectories.Trajectories:
    """Put these tables in the place of the run's, from epoch 1 on."""
    for epoch, table in enumerate(tables, 1):
        predictions.save(folder, epoch, table)
    return trajectories.read(folder)


def test_two_studies_of_each_label_are_pinned_until_others_are(
    open_run: Open, run_copy: Path
) -> None:
    found = trajectories.read(run_copy)
    chosen = pinned_studies.usual(found)
    assert len(chosen) == 4
    app = open_run()
    assert set(map(pinned_studies.named, chosen)) <= set(links(app))
    other = found.studies["key"].iloc[-1]
    app = open_run(pins=other)
    assert pinned_studies.named(other) in links(app)
    assert "verdict changed" in said(app) and said(app).count("current scores") == 1


def test_a_pinned_study_that_is_none_is_left_out(open_run: Open) -> None:
    app = open_run(pins="valid/x/y/z,nonsense")
    assert "Pinned studies" in said(app) and "current scores" not in said(app)


def test_pinned_studies_show_their_films_without_those_that_cannot_be_read(
    open_run: Open, run_copy: Path, tmp_path: Path
) -> None:
    run = run_folders.read(run_copy)
    root = shutil.copytree(run.config.data, tmp_path / "copy")
    run_config.complete(run_copy, data=run.facts["data"] | {"root": str(root)})
    found = trajectories.read(run_copy)
    counts = found.films.groupby(study_key(found.films), sort=False).size()
    key = counts.index[counts > 1][0]
    paths = found.films["path"][study_key(found.films) == key].tolist()
    (root / paths[0]).write_bytes(b"no film")
    app = open_run(pins=key)
    films, curve = (e.proto.body for e in app.get("html") if "<img" in e.proto.body)
    assert films.count("<img") == min(len(paths), pinned_studies.THUMBS + 1) - 1
    assert films.count("data:image/jpeg") == films.count("<img")
    assert curve.count("<img") == 1 and "data:image/svg+xml" in curve


def test_pinned_studies_show_films_of_data_that_were_named_by_their_parent(
    open_run: Open, run_copy: Path
) -> None:
    config = run_folders.read(run_copy).config
    named = {**config.to_dict(), "data": str(Path(config.data).parent)}
    run_config.complete(run_copy, config=named)
    films = [e.proto.body for e in open_run().get("html") if "data:image/jpeg" in e.proto.body]
    assert films


def test_small_pictures_of_films_are_made_anew_when_a_film_has_changed(
    folders: Path, tmp_path: Path
) -> None:
    path = tmp_path / "a.png"
    Image.new("L", (300, 200), 30).save(path)
    content = base64.b64decode(film_cache.small_address(path, 76).partition(",")[2])
    assert Image.open(io.BytesIO(content)).size == (152, 101)

    def shown() -> str:
        return shared_cache.of_files(
            "thumbs", (path,), (), lambda: film_cache.small_address(path, 76)
        )

    before = shown()
    assert shown() is before
    Image.new("L", (301, 200), 200).save(path)
    assert shown() != before


def test_the_slider_rewinds_numbers_and_pinned_studies(open_run: Open, run_copy: Path) -> None:
    app = open_run(epoch="1")
    epochs = journal.metrics(run_copy)
    assert "Epoch 1, rate" in said(app)
    count = round(epochs["dev.study_accuracy"].iloc[0] * epochs["dev.studies"].iloc[0])
    assert f"{count} of {int(epochs['dev.studies'].iloc[0])}, {figures.LEVEL} interval" in said(app)
    assert "predictions up to epoch 1." in said(app)
    app.select_slider(key=state.EPOCH).set_value("latest").run()
    assert "Epoch 3, rate" in said(app)
    assert app.select_slider(key=state.EPOCH).label.endswith(": 3 (latest)")


def leave_epochs(folder: Path, *epochs: int) -> None:
    """Add lines and tables of these epochs, all as the last one was."""
    line, table = journal.lines(folder / "metrics.jsonl")[-1], predictions.path(folder, 3)
    for epoch in epochs:
        shutil.copy(table, predictions.path(folder, epoch))
        journal.append_line(folder / "metrics.jsonl", line | {"epoch": epoch})


def test_a_live_run_is_followed_until_the_slider_is_moved(open_run: Open, run_copy: Path) -> None:
    with run_lock.hold(run_copy):
        before = run_status.read(run_copy).__dict__
        going = {**before, "state": run_status.State.RUNNING, "epochs": 600}
        run_status.write(run_copy, run_status.Status(**going))
        app = open_run()
        assert app.select_slider(key=state.EPOCH).options == ["1", "2", "latest"]
        leave_epochs(run_copy, 4)
        app.run()
        assert app.select_slider(key=state.EPOCH).options == ["1", "2", "3", "latest"]
        assert "Epoch 4, rate" in said(app)
        app.select_slider(key=state.EPOCH).set_value("3").run()
        leave_epochs(run_copy, 5)
        app.run()
        assert app.select_slider(key=state.EPOCH).value == "3"
        assert "Epoch 3, rate" in said(app)


def test_epochs_that_left_no_line_are_not_offered_and_numbers_carry_their_own(
    open_run: Open, run_copy: Path
) -> None:
    leave_epochs(run_copy, 8, 9)  # the lines between are lost
    app = open_run()
    assert app.select_slider(key=state.EPOCH).options == ["1", "2", "3", "8", "latest"]
    assert "Epoch 9, rate" in said(app)
    assert "Epoch 9, rate" in said(app)
    app = open_run(epoch="5")
    assert app.select_slider(key=state.EPOCH).value == "3"
    assert app.toast[0].value == "Epoch 5 is not kept; showing epoch 3 instead."
    assert app.query_params["epoch"] == "3"
    for nowhere in ("99", "abc"):
        assert "epoch" not in open_run(epoch=nowhere).query_params
    assert "Epoch 3, rate" in said(app)


def test_who_changed_sides_is_told_and_who_is_forgotten(open_run: Open, run_copy: Path) -> None:
    labels = trajectories.read(run_copy).films["label"].to_numpy().astype(float)
    right, wrong = labels, 1 - labels
    for epoch in (4, 5):
        line = journal.lines(run_copy / "metrics.jsonl")[-1] | {"epoch": epoch}
        journal.append_line(run_copy / "metrics.jsonl", line)
    found = rewrite(run_copy, right, wrong, right, wrong, right)
    n = int((found.studies["role"] == "dev").sum())
    app = open_run()
    text = said(app)
    assert text.count("became right\n") + text.count("became wrong\n") >= 4  # named at each epoch
    assert f"Epoch 5: **{n} became right, 0 wrong** of {n} dev studies" in text
    assert f"Epoch 4: **0 became right, {n} wrong** of {n} dev studies" in text
    assert (
        f"{n} dev studies of {n} predicted correctly, then wrongly again, more than once." in text
    )
    text = said(open_run(epoch="2"))
    assert "Epoch 5" not in text and f"Epoch 2: **0 became right, {n} wrong**" in text
    assert "No dev study has been right and then wrong more than once." in text


def test_the_projector_view_can_show_the_pinned_studies_alone(open_run: Open) -> None:
    app = open_run(show="studies")
    assert "Pinned studies" in said(app) and "Recently changed" not in said(app)
    films = [each.proto.body for each in app.get("html") if "<img" in each.proto.body]
    assert any("width: 240px" in each for each in films)


def test_a_small_curve_ends_in_the_shape_of_its_verdict() -> None:
    values = np.array([[0.2, 0.9], [0.6, 0.5]])
    drawn = sparks.probabilities((1, 2), values, 0.5, 4, "#f00", "#00f", "#fff")
    assert drawn.count("<polyline") == 2
    assert drawn.count("<path") == 1 and drawn.count("<circle") == 1  # 0.5 is not above 0.5


def test_a_small_curve_of_many_epochs_stays_small_and_ends_at_the_last() -> None:
    lines = []
    for count in (300, 301, 10_000):
        epochs, values = range(1, count + 1), np.linspace(0, 1, count)[:, None]
        drawn = sparks.probabilities(epochs, values, 0.5, 10_000, "#f00", "#00f", "#fff")
        lines.append(re.search('points="([^"]*)"', drawn)[1].split())
    assert all(len(points) <= sparks.POINTS + 1 for points in lines)
    across = [[float(point.split(",")[0]) for point in points] for points in lines]
    assert across[0][:-1] == across[1][:-1]  # one epoch more moves none of the points before it
    assert across[2][-1] == sparks.WIDTH - sparks.EDGE


def test_what_the_network_has_learned_shows_when_asked_for(open_run: Open, run_copy: Path) -> None:
    app = open_run(epoch="2")
    assert "filters of the first convolution" not in said(app)
    app.toggle(key=state.LEARNED).set_value(True).run()
    assert not app.exception
    text = said(app)
    assert "The 32 filters of the first convolution, 3 × 3 weights each" in text
    assert "as the network sees it; epoch 2." in text
    assert "Block 3: 16 maps of 12 × 12" in text
    app = open_run(show="learned")
    assert "filters of the first convolution" in said(app)


def test_a_run_without_feature_maps_says_so(open_run: Open, run_copy: Path) -> None:
    shutil.rmtree(run_copy / "features")
    app = open_run(show="learned")
    assert "has kept no feature maps" in said(app)


def test_scores_are_read_aloud_with_their_trend_and_shown_as_a_table(
    open_run: Open, run_copy: Path
) -> None:
    app = open_run()
    tables = trajectories.read(run_copy)
    key = pinned_studies.usual(tables)[0]
    films = tables.films_of(tables.studies["key"].tolist().index(key))
    last = f"{tables.probabilities[-1, films[0]]:.2f}"
    drawn = "".join(each.proto.body for each in app.get("html"))
    assert f'alt="film 1, score {last}"' in drawn
    words = rf"Scores of its films by epoch; last {last} and (rising|falling|level)"
    assert re.search(words, drawn)
    app.toggle(key=state.PINS_TABLE).set_value(True).run()
    rows = app.table[0].value
    assert rows["Epoch"].tolist() == ["3", "2", "1"]
    assert rows.iloc[0, 1] == last.replace(".", r"\.")
    assert 'alt="film 1' not in "".join(each.proto.body for each in app.get("html"))
    assert not app.exception
