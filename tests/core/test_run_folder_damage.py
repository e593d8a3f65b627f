"""The readers of a run folder with files that are cut at any byte, or of any content.

A reader returns the content of the intact part, or raises one of our errors in a sentence; never
another exception, never a number that no file holds.
"""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np
import pytest

from fracture_core import checksums
from fracture_core.analysis import comparison, curves
from fracture_core.config.train_config import DEFAULTS
from fracture_core.epochs import checkpoints, epoch_weights, forks, predictions, resumption
from fracture_core.errors import FractureError, ModelError, RunError
from fracture_core.evaluations import evaluation
from fracture_core.jobs import launcher
from fracture_core.jobs.worker import Worker
from fracture_core.models import epoch_models
from fracture_core.networks import architectures, network_weights
from fracture_core.runs import journal, run_folders, run_labels, run_requests, run_status
from fracture_core.runs.run_labels import Labels
from fracture_core.runs.run_status import State, Status

EDGE = 200  # bytes at both ends of a file that are cut one by one
SAMPLE = 50  # cuts between them

READERS: dict[str, Callable[[Path], object]] = {
    "runs.read": run_folders.read,
    "runs.status": run_status.read,
    "runs.names": lambda _: run_folders.names(),
    "runs.list_runs": lambda _: run_folders.list_runs(),
    "runs.requests": run_requests.waiting,
    "runs.labels": run_labels.read,
    "journal.events": journal.events,
    "journal.refused": journal.refused,
    "journal.epochs_requested": lambda folder: journal.epochs_requested(folder, DEFAULTS),
    "journal.epochs_added_at": journal.epochs_added_at,
    "journal.rate_changes": journal.rate_changes,
    "journal.queued_at": journal.queued_at,
    "journal.metrics": journal.metrics,
    "journal.curves_csv": journal.curves_csv,
    "journal.steps": journal.steps,
    "journal.best_epoch": journal.best_epoch,
    "journal.films": journal.films,
    "journal.log_tail": journal.log_tail,
    "comparison.outcome": comparison.outcome,
    "curves.of_run": lambda folder: curves.of_run(run_folders.read(folder)),
    "comparison.verdicts": lambda folder: comparison.verdicts(run_folders.read(folder), 3),
    "predictions.epochs": predictions.epochs,
    "predictions.load": lambda folder: predictions.load(folder, 3, 18),
    "checkpoints.states": lambda folder: checkpoints.states(folder / "checkpoints"),
    "checkpoints.forkable": lambda folder: checkpoints.forkable(folder / "checkpoints"),
    "epoch_weights.find": lambda folder: epoch_weights.find(folder / "checkpoints", 3),
    "epoch_models.of_run": epoch_models.of_run,
    "predictions.with_films": lambda folder: predictions.with_films(folder, 3),
    "evaluation.of_run": lambda folder: evaluation.of_run(folder, 3, "valid"),
    "launcher.is_next": launcher.is_next,
    "reporter.Reporter": Worker,
}


@pytest.fixture
def run(run_copy) -> Path:
    """A finished run with every file that a run folder may hold."""
    journal.log_event(run_copy, "queued")
    journal.log_event(run_copy, "more_epochs", epochs=2, epoch=3, id="a")
    journal.log_event(run_copy, "learning_rate", rate=0.01, step=7, id="b")
    journal.log_event(run_copy, "film_refused", path="a.png", role="dev", reason="is empty.")
    points = [{"step": n, "epoch": n / 5, "loss": 0.5, "accuracy": 0.5} for n in (2, 4, 6)]
    journal.replace_lines(run_copy / "steps.jsonl", points)
    run_labels.write(run_copy, Labels(tags=("first",), note="A note.", baseline=True))
    run_requests.send(run_copy, "more_epochs", epochs=3)
    return run_copy


def cuts(content: bytes) -> Iterator[bytes]:
    """Yield the content cut short: at every byte near both ends, at a sample of them between."""
    size = len(content)
    ends = {*range(min(EDGE, size)), *range(max(0, size - EDGE), size)}
    for end in sorted(ends | set(range(0, size, max(1, size // SAMPLE)))):
        yield content[:end]


def every_cut(path: Path) -> Iterator[bytes]:
    """Cut the file at one byte after the other; yield its remainder each time."""
    for part in cuts(path.read_bytes()):
        path.write_bytes(part)
        yield part


def unexpected(folder: Path) -> list[str]:
    """Return exceptions of the readers that are not ours, or not in a sentence."""
    errors = []
    for name, reader in READERS.items():
        try:
            reader(folder)
        except FractureError as error:
            text = str(error)
            if not text.endswith(".") or "\n" in text:
                errors.append(f"{name}: {text!r} is no sentence")
        except Exception as error:
            errors.append(f"{name}: {error!r}")
    return errors


def refuses(reader: Callable[[], object], words: str) -> bool:
    """Return whether a reader raises one of our errors with these words in it."""
    try:
        reader()
    except FractureError as error:
        return words in str(error)
    return False


def test_the_readers_read_a_run_that_is_whole(run) -> None:
    contents = {
        name: reader(run)
        for name, reader in READERS.items()
        if name != "predictions.load"  # asks for as many films as this run need not have
    }
    films = journal.films(run)
    counts = {name: len(contents[f"journal.{name}"]) for name in ("events", "metrics", "refused")}
    assert counts["metrics"] == 3 and counts["refused"] == 1 and counts["events"] > 4
    runs = [each.name for each in contents["runs.list_runs"]]
    assert runs == contents["runs.names"] == ["finished"]
    assert contents["runs.status"].state is State.FINISHED
    assert contents["runs.labels"] == Labels(tags=("first",), note="A note.", baseline=True)
    assert [each["kind"] for _, each in contents["runs.requests"]] == ["more_epochs"]
    assert contents["journal.best_epoch"] in contents["predictions.epochs"] == (1, 2, 3)
    assert contents["journal.steps"]["step"].tolist() == [2, 4, 6]
    assert set(films["role"]) == {"train", "dev", "valid"}
    assert contents["epoch_models.of_run"].card.epoch in (1, 2, 3)


# --- cut short ----------------------------------------------------------------------------------


def test_a_config_that_is_cut_anywhere_is_refused_and_hides_only_its_run(run) -> None:
    for _ in every_cut(run / "config.json"):
        assert refuses(lambda: run_folders.read(run), "finished has no readable config.json.")
        assert run_folders.list_runs() == []


def test_a_status_that_is_cut_anywhere_claims_what_the_lines_say(run) -> None:
    whole, epochs = (
        run_status.read(run),
        journal.epochs_requested(run, run_folders.read(run).config),
    )
    done = {"epoch": whole.epoch, "step": whole.step, "epochs": epochs}
    for _ in every_cut(run / "status.json"):
        status = run_status.read(run)
        assert status == Status(state=State.INTERRUPTED, message=status.message, **done)
        assert "status.json is damaged" in status.message


def test_a_run_without_its_status_is_as_far_as_its_lines(run) -> None:
    whole = run_status.read(run)
    (run / "status.json").unlink()
    status = run_status.read(run)
    epochs = journal.epochs_requested(run, run_folders.read(run).config)
    assert (status.epoch, status.step, status.epochs) == (whole.epoch, whole.step, epochs)
    assert status.message.startswith("Its status.json is missing. Resume the run")
    (run / "metrics.jsonl").unlink()
    (run / "config.json").write_text("{")
    assert run_status.read(run).epoch == 0


def test_labels_that_are_cut_anywhere_are_none(run) -> None:
    for part in every_cut(run / "labels.json"):
        whole = part.endswith(b"}")  # only the end of the line is missing
        assert (run_labels.read(run) == Labels()) != whole


def test_a_request_that_is_cut_anywhere_is_not_served(run) -> None:
    [path] = (run / "requests").iterdir()
    for _ in every_cut(path):
        assert run_requests.waiting(run) == []


def test_metrics_that_are_cut_anywhere_are_those_of_the_epochs_before(run) -> None:
    path = run / "metrics.jsonl"
    lines, table = journal.lines(path), journal.metrics(run)
    rows = journal.curves_csv(run).splitlines()
    for part in every_cut(path):
        left = (part + b"\n").count(b'"}\n')
        table_now = journal.metrics(run)
        assert len(table_now) == left
        assert not left or table_now.equals(table.head(left))
        assert journal.lines(path) == lines[:left]
        assert journal.curves_csv(run).splitlines()[1:] == rows[1 : left + 1]
        losses = [line["dev"]["loss"] for line in lines[:left]]
        best = losses.index(min(losses)) + 1 if losses else None
        assert journal.best_epoch(run) == best


def test_a_live_curve_that_is_cut_anywhere_has_the_points_before(run) -> None:
    table = journal.steps(run)
    for part in every_cut(run / "steps.jsonl"):
        left = (part + b"\n").count(b"}\n")
        assert len(journal.steps(run)) == left
        assert not left or journal.steps(run).equals(table.head(left))


def test_a_live_curve_is_the_same_however_often_it_was_looked_at_on_its_way(run) -> None:
    path = run / "steps.jsonl"
    with path.open("a") as stream:  # a resume closed a torn line; a point stands twice
        stream.write('{"step": 7, "lo\n{"step": 6, "epoch": 1.2, "loss": 0.25, "accuracy": 0.75}\n')
    whole, cache = path.read_bytes(), {}
    for end in range(len(whole) + 1):
        path.write_bytes(whole[:end])
        assert journal.steps(run, cache).equals(journal.steps(run))
    assert journal.steps(run)["loss"].tolist() == [0.5, 0.5, 0.25]
    journal.replace_lines(path, journal.up_to(path, "step", 4))  # as a resume does
    journal.append_line(path, {"step": 5, "epoch": 1.0, "loss": 0.1, "accuracy": 1.0})
    assert journal.steps(run, cache)["step"].tolist() == [2, 4, 5]


def test_the_epochs_are_the_same_however_often_they_were_looked_at_on_their_way(run) -> None:
    path, cache = run / "metrics.jsonl", {}
    lines = [line | {"dev": line["dev"] | {"auroc": 0.5}} for line in journal.lines(path)]
    lines.append(lines[-1] | {"epoch": 4, "dev": lines[-1]["dev"] | {"auroc": None}})
    lines.append(lines[-1] | {"epoch": 2, "more": {"deep": 1}})  # an epoch written again
    lines.insert(0, lines[0] | {"epoch": 0, "dev": lines[0]["dev"] | {"auroc": None}})
    journal.replace_lines(path, lines)
    whole = path.read_bytes()
    for end in (*range(0, len(whole), 5), len(whole)):
        path.write_bytes(whole[:end])
        table = journal.metrics(run, cache)
        assert table.equals(journal.metrics(run)), end
    assert table["epoch"].tolist() == [0, 1, 3, 4, 2]
    assert "object" not in map(str, table.dtypes)
    assert table["dev.auroc"].isna().tolist() == [True, False, False, True, True]


def test_events_that_are_cut_anywhere_are_those_before(run) -> None:
    events = journal.events(run)
    for part in every_cut(run / "events.jsonl"):
        left = events[: (part + b"\n").count(b"}\n")]
        kinds = [event["kind"] for event in left]
        assert journal.events(run) == left
        assert journal.epochs_requested(run, DEFAULTS) == 75 + 2 * kinds.count("more_epochs")
        assert len(journal.rate_changes(run)) == kinds.count("learning_rate")
        assert len(journal.refused(run)) == kinds.count("film_refused")
        assert bool(journal.queued_at(run)) == ("queued" in kinds)


def test_a_list_of_films_that_is_cut_anywhere_is_refused(run) -> None:
    for _ in every_cut(run / "films.parquet"):
        assert refuses(lambda: journal.films(run), "films.parquet of finished is damaged")


def test_a_prediction_table_that_is_cut_anywhere_is_refused(run) -> None:
    count = len(predictions.predicted_films(journal.films(run)))
    assert len(predictions.load(run, 3, count)) == count
    for _ in every_cut(predictions.path(run, 3)):
        assert refuses(lambda: predictions.load(run, 3, count), "epoch_0003.npy of finished is")
    assert predictions.epochs(run) == (1, 2, 3)


# --- checkpoints that are cut short -------------------------------------------------------------


@pytest.fixture(scope="module")
def network(finished_run) -> tuple[keras.Model, keras.optimizers.Optimizer]:
    """The run's network with other weights than it was left with."""
    model = architectures.build("three_conv")
    optimizer = keras.optimizers.Adam()
    optimizer.build(model.trainable_variables)
    return model, optimizer


def bits(network: tuple[keras.Model, keras.optimizers.Optimizer]) -> list[bytes]:
    """Every variable of a network and its optimizer."""
    return [np.asarray(v).tobytes() for part in network for v in part.variables]


@pytest.mark.parametrize("name", ["epoch_0003.npz", "epoch_0003.weights.h5"])
def test_a_state_that_is_cut_anywhere_is_passed_over_and_changes_nothing(
    run, network, name
) -> None:
    folder, before = run / "checkpoints", bits(network)
    for path in folder.glob("epoch_000[12]*"):
        path.unlink()  # with nothing to fall back to, each cut is quick
    for _ in every_cut(folder / name):
        with pytest.raises(RunError, match=r"states are damaged: epoch_0003.npz\. Nothing"):
            resumption.restore(folder, *network)
    assert bits(network) == before


def test_weights_that_are_cut_anywhere_are_no_models(run, network) -> None:
    path, before = epoch_weights.find(run / "checkpoints", 3), bits(network)
    for _ in every_cut(path):
        with pytest.raises(ModelError, match=r"epoch_0003.weights.h5 must hold the weights"):
            network_weights.load_weights(network[0], path)
    assert bits(network) == before


def test_a_fork_of_a_damaged_run_is_refused_and_leaves_nothing(run) -> None:
    (run / "films.parquet").unlink()
    with pytest.raises(FractureError):
        forks.create(run, 3, "child", epochs=5)
    assert run_folders.names() == ["finished"]


# --- anything at all ----------------------------------------------------------------------------

SMALL = (
    "config.json",
    "status.json",
    "metrics.jsonl",
    "steps.jsonl",
    "events.jsonl",
    "labels.json",
    "films.parquet",
    "predictions/epoch_0003.npy",
)


@pytest.mark.parametrize("name", SMALL)
def test_every_reader_meets_a_file_of_noise_with_a_value_or_a_sentence(run, name) -> None:
    noise = random.Random(name)
    for size in (0, 1, 2, 7, 64, 500, 5_000):
        (run / name).write_bytes(noise.randbytes(size))
        assert unexpected(run) == []


@pytest.mark.parametrize("name", SMALL)
def test_every_reader_meets_a_file_with_a_wrong_byte_with_a_value_or_a_sentence(run, name) -> None:
    noise, content = random.Random(name), (run / name).read_bytes()
    for _ in range(16):
        changed = bytearray(content)
        changed[noise.randrange(len(changed))] = noise.choice(b'\x00\xff{}[]"\n,:0 x')
        (run / name).write_bytes(changed)
        assert unexpected(run) == [], bytes(changed)


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", '"x"', "3", "[" * 100_000, "{}\n[]\n3\n"])
def test_every_reader_meets_json_of_another_shape_with_a_value_or_a_sentence(run, text) -> None:
    for name in SMALL[:6]:
        content = (run / name).read_bytes()
        (run / name).write_text(text)
        assert unexpected(run) == [], name
        (run / name).write_bytes(content)


def test_a_table_that_claims_to_be_a_zip_or_to_be_huge_is_refused(run) -> None:
    path = predictions.path(run, 3)
    (run / checksums.SUMS).unlink()  # of an older version
    np.savez(path.with_suffix(".npz"), np.zeros(3))
    path.write_bytes(path.with_suffix(".npz").read_bytes())
    with pytest.raises(RunError, match="is damaged"):
        predictions.load(run, 3, 18)
    np.save(path, np.zeros(18, np.float32))
    path.write_bytes(path.read_bytes().replace(b"(18,), }     ", b"(10**14,), } "))
    with pytest.raises(RunError, match="is damaged"):
        predictions.load(run, 3, 18)
