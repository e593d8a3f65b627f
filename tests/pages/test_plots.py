"""Plots: what a figure shows, in words and as a table, and the switch between the two."""

import plotly.graph_objects as go
from streamlit.testing.v1 import AppTest

from ui.shared import chart_words, charts


def lines() -> go.Figure:
    """Two runs over epochs, one of them named in Markdown, and a shadow."""
    figure = go.Figure()
    figure.add_scatter(x=[1, 2, 3], y=[0.5, 0.5, 0.625], name=charts.literal("a *b* 5% $x$"))
    figure.add_scatter(x=[1, 3], y=[0.9, 0.25], name="second")
    figure.add_scatter(x=[1, 3], y=[0.0, 0.0], name="second", hoverinfo="skip")
    figure.update_layout(xaxis_title="epoch", yaxis_tickformat=".0%", height=200)
    return figure


def test_a_figure_says_last_values_and_trends_of_its_lines() -> None:
    assert chart_words.described(lines(), "Accuracy") == (
        "Accuracy: a *b* 5% $x$ 62.5\N{NO-BREAK SPACE}% at epoch 3, rising; "
        "second 25.0\N{NO-BREAK SPACE}% at epoch 3, falling."
    )
    assert chart_words.described(go.Figure(), "Loss") == "Loss: no values yet."
    flat = go.Figure(go.Scatter(x=[1, 2], y=[0.7, 0.7004], name="dev"))
    assert chart_words.described(flat, "Loss") == "Loss: dev 0.7004 at position 2, level."
    many = go.Figure([go.Scatter(x=[1], y=[1.0], name=f"run {n}") for n in range(15)])
    assert chart_words.described(many, "Loss").endswith("run 11 1 at position 1; and 3 more.")


def test_a_figure_names_each_bar() -> None:
    bars = go.Figure(go.Bar(x=[1200, 7], y=["hand &amp; wrist", "elbow"], orientation="h"))
    assert chart_words.described(bars, "Studies") == "Studies: value: hand & wrist 1,200, elbow 7."
    table = chart_words.tabulated(bars)
    assert table.to_numpy().tolist() == [["hand & wrist", "1,200"], ["elbow", "7"]]


def test_a_table_has_the_last_position_first_and_a_column_per_line() -> None:
    table = chart_words.tabulated(lines())
    assert table.columns.tolist() == ["Epoch", "a *b* 5% $x$", "second"]
    assert table["Epoch"].tolist() == ["3", "2", "1"]
    assert table["second"].tolist() == ["25.0\N{NO-BREAK SPACE}%", "", "90.0\N{NO-BREAK SPACE}%"]
    assert chart_words.tabulated(go.Figure()).empty


def test_a_plot_is_replaced_by_its_table_and_comes_back() -> None:
    def page() -> None:
        from tests.pages.test_plots import lines
        from ui.shared import plots

        plots.show(lines(), "plot", "Accuracy of runs")

    app = AppTest.from_function(page).run()
    assert app.get("plotly_chart")[0].proto.alt.startswith("Accuracy of runs: a *b* 5% $x$ 62.5")
    switch = app.toggle("plot-table")
    assert switch.label == "Accuracy of runs as a table"
    switch.set_value(True).run()
    assert not app.get("plotly_chart")
    assert app.table[0].value.columns[1].startswith("a \\*b\\* 5% \\$x\\$")
    switch = app.toggle("plot-table")
    switch.set_value(False).run()
    assert app.get("plotly_chart")
    assert not app.exception
