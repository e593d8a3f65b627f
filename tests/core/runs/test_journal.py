"""Lines that survive a torn write, curves as CSV, the log."""

import csv

from fracture_core.runs import (
    journal,
    run_folders,
)
from fracture_core.words import FORMULA


def test_a_file_of_lines_cut_at_any_byte_gives_the_whole_lines_before(tmp_path) -> None:
    values = [{"epoch": number, "note": "né \u2028"} for number in (1, 2, 3)]
    journal.replace_lines(tmp_path / "lines", values)
    whole = (tmp_path / "lines").read_bytes()
    for size in range(len(whole)):
        (tmp_path / "cut").write_bytes(whole[:size])
        lines = journal.lines(tmp_path / "cut")
        assert lines == values[: len(lines)]
        assert len(lines) >= whole[:size].count(b"\n")


def test_a_line_after_a_torn_one_is_not_lost_wherever_it_was_torn(tmp_path) -> None:
    path, first = tmp_path / "events.jsonl", '{"kind": "queued"}\n'
    for size in range(len(first) + 1):
        path.write_text(first[:size])
        journal.append_line(path, {"kind": "resumed"})
        journal.append_line(path, {"kind": "finished"})
        expected = ["queued"] if size >= len(first) - 1 else []
        assert [line["kind"] for line in journal.lines(path)] == [*expected, "resumed", "finished"]


def test_added_epochs_count_from_their_events(folder) -> None:
    config = run_folders.read(folder).config
    journal.log_event(folder, "more_epochs", epochs=25, id="a")
    journal.log_event(folder, "more_epochs", epochs=5, id="b")
    assert journal.epochs_requested(folder, config) == 75 + 30


def test_an_epochs_later_line_holds(folder) -> None:
    lines = [{"epoch": 1, "dev": {"loss": 0.9}}, {"epoch": 1, "dev": {"loss": 0.5}}]
    journal.replace_lines(folder / "metrics.jsonl", lines)
    assert journal.metrics(folder)["dev.loss"].tolist() == [0.5]


EPOCHS = [
    {
        "epoch": epoch,
        "step": epoch * 5,
        "learning_rate": 0.1 + 0.2,
        "train": {"loss": 1 / 3, "accuracy": 0.5, "n": 7},
        "valid": {"loss": 2 / 3, "accuracy": 0.25, "auroc": None, "n": 3},
    }
    for epoch in (1, 2)
]


def test_curves_are_exported_an_epoch_a_row_in_full_precision(folder) -> None:
    journal.replace_lines(folder / "metrics.jsonl", EPOCHS)
    head, *rows = journal.curves_csv(folder).splitlines()
    assert head == (
        "epoch,step,learning_rate,train.loss,train.accuracy,train.n,"
        "valid.loss,valid.accuracy,valid.auroc,valid.n"
    )
    assert rows[1] == "2,10,0.30000000000000004,0.3333333333333333,0.5,7,0.6666666666666666,0.25,,3"
    assert len(rows) == 2


def test_curves_of_a_trained_run_are_its_metrics(finished_run) -> None:
    rows = list(csv.DictReader(journal.curves_csv(finished_run).splitlines()))
    lines = journal.lines(finished_run / "metrics.jsonl")
    assert len(rows) == 3
    for row, line in zip(rows, lines, strict=True):
        assert (int(row["epoch"]), int(row["step"])) == (line["epoch"], line["step"])
        for role in ("train", "dev", "valid"):
            assert float(row[f"{role}.loss"]) == line[role]["loss"]
            assert int(row[f"{role}.n"]) == line[role]["n"]
        assert float(row["valid.auroc"]) == line["valid"]["auroc"]


def test_curves_of_a_run_without_an_epoch_are_a_head_alone(folder) -> None:
    assert journal.curves_csv(folder) == "epoch,step,learning_rate\n"


def test_no_key_or_value_of_a_foreign_line_is_a_spreadsheets_formula(run_copy) -> None:
    path = run_copy / "metrics.jsonl"
    journal.replace_lines(path, [{**line, "=1+1": "@x"} for line in journal.lines(path)])
    cells = [each for row in csv.reader(journal.curves_csv(run_copy).splitlines()) for each in row]
    assert {"'=1+1", "'@x"} <= set(cells)
    assert not any(each.startswith(FORMULA) for each in cells)


def test_the_best_epoch_has_the_lowest_dev_loss_else_it_is_the_last(folder) -> None:
    assert journal.best_epoch(folder) is None
    dev = [{"epoch": n, "dev": {"loss": x}} for n, x in ((1, 0.7), (2, 0.4), (3, 0.6))]
    journal.replace_lines(folder / "metrics.jsonl", dev)
    assert journal.best_epoch(folder) == 2
    journal.replace_lines(folder / "metrics.jsonl", [{"epoch": 1}, {"epoch": 2}])
    assert journal.best_epoch(folder) == 2


def test_the_end_of_a_long_log_is_read(folder) -> None:
    assert journal.log_tail(folder) == ""
    (folder / "train.log").write_text("\n".join(f"line {n}" for n in range(9_999)))
    assert journal.log_tail(folder, 2).splitlines() == ["line 9997", "line 9998"]


def test_a_log_is_read_without_tensorflows_notes_on_the_machine(folder) -> None:
    notes = [
        "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
        "I0000 00:00:1795412232.445267   10921 port.cc:153] oneDNN operations are on.",
        "E0000 00:00:1795412232.445267   10921 cuda_platform.cc:52] failed call to cuInit",
        "W0000 00:00:1795412232.445267   10921 cpu.cc:1] slow",
        "To enable the following instructions: AVX2, rebuild TensorFlow.",
    ]
    (folder / "train.log").write_text("\n".join(["first", *notes, "the reason", *notes]))
    assert journal.log_tail(folder, 2).splitlines() == ["first", "the reason"]


def test_refused_films_are_told_once_each_and_by_role(folder) -> None:
    assert journal.refused(folder) == []
    for path, role in (("a.png", "train"), ("b.png", "valid"), ("a.png", "train")):
        journal.log_event(folder, "film_refused", path=path, role=role, reason=f"{path} is empty.")
    journal.log_event(folder, "stopped", step=3)
    assert journal.refused(folder) == [("a.png", "a.png is empty."), ("b.png", "b.png is empty.")]
    assert journal.refused(folder, "valid") == [("b.png", "b.png is empty.")]
    assert journal.refused(folder, "dev") == []
