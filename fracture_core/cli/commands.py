"""What each command of the command line does.

Each function takes the parsed options and imports what it needs, so that `runs` or `--help`
answers without TensorFlow. It gives the exit status, or `None` for 0.
"""

import argparse
import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from fracture_core import config as settings
from fracture_core import file_reader
from fracture_core.config import DEFAULTS, TrainConfig
from fracture_core.errors import ConfigError, FileRefused, RunError, WriteFailed
from fracture_core.heavy_imports import without_collector
from fracture_core.jobs.worker import time_left
from fracture_core.words import duration, short

if TYPE_CHECKING:
    from fracture_core.models.cards import Card
    from fracture_core.runs.run_folders import Run

NAMED = 10  # films of a finding, or that a run could not read, that are named; others are counted

# --- data ---------------------------------------------------------------------------------------


def phantom(options: argparse.Namespace) -> None:
    """Make a set of synthetic films."""
    from fracture_core.phantom import phantom_set

    show = _progress_line("studies")
    phantom_set.make(options.out, options.studies, options.seed, progress=show)
    print(f"{options.out} holds {options.studies} studies.")


def inspect(options: argparse.Namespace) -> None:
    """Count what a data set holds."""
    from fracture_core.datasets import catalog

    found = catalog.inspect(catalog.read(options.data, options.positive, options.rescan))
    if options.json:
        print(json.dumps(found, indent=2))
        return
    say(f"{found['root']} ({found['kind']})")
    print(f"{'split':8}{'part':12}{'patients':>9}{'studies':>9}{'positive':>9}{'images':>9}")
    for row in found["rows"]:
        counts = (row[key] for key in ("patients", "studies", "positive_studies", "images"))
        cells = ("-" if n is None else f"{n:,}" for n in counts)
        say(f"{row['split']:8}{row['part']:12}" + "".join(f"{cell:>9}" for cell in cells))
    if not catalog.names_patients(found["kind"]):
        print("These data name no patients: each film counts as a study of its own.")
    for item in found["skipped"]:
        say(f"skipped {item['path']}: {item['reason']}")


def audit(options: argparse.Namespace) -> None:
    """Open every film and say what is wrong with a data set."""
    from fracture_core.audit import audit_job
    from fracture_core.datasets import catalog

    dataset = catalog.read(options.data, options.positive)
    folder = audit_job.folder_of(dataset.hash)
    try:
        found = audit_job.run(dataset, folder, _progress_line("films"), say=_show_line)
    except KeyboardInterrupt:
        _show_line("")
        print("What was measured is kept: the same command goes on.", file=sys.stderr)
        raise
    _show_line("")
    audit_job.save(folder, found)  # the Data page shows it, too
    if options.json:
        told = {"root": str(dataset.root), "kind": dataset.kind, **audit_job.to_dict(found)}
        print(json.dumps(told, indent=2))
        return
    say(f"{dataset.root} ({dataset.kind}), {found.films:,} films")
    if not found.findings:
        print("Nothing was found.")
    for finding in found.findings:
        print(f"\n{finding.title} (score {finding.score:.3f}). {finding.why}")
        for sentence in finding.sentences:
            say(f"  {sentence}")
        for item in finding.items[:NAMED]:
            say(f"  {item.path}{f': {item.detail}' if item.detail else ''}")
        if len(finding.items) > NAMED:
            print(f"  and {len(finding.items) - NAMED:,} more; --json lists all")


def architectures(options: argparse.Namespace) -> None:
    """List the networks; one that needs a larger input has no count."""
    from fracture_core.networks import architectures

    settings.check_range("size", options.size, settings.LIMITS.size)
    entries = []
    for name, entry in architectures.ARCHITECTURES.items():
        entries.append(
            {
                "name": name,
                "parameters": _parameters(entry, options.size),
                "sentence": entry.sentence,
                "source": entry.source,
                "options": entry.options.to_dict(),
            }
        )
    if options.json:
        print(json.dumps(entries, indent=2))
        return
    for item in entries:
        too_small = f"needs {architectures.ARCHITECTURES[item['name']].smallest} px or more"
        count = f"{item['parameters']:>10,} parameters" if item["parameters"] else too_small
        print(f"{item['name']:12}{count:21}  {item['sentence']}")
        print(f"{'':12}report: {item['source']}")


def _parameters(entry: Any, size: int) -> int | None:
    """Of the network at this input size in px; `None` where it needs a larger one."""
    if size == DEFAULTS.recipe.size:
        return entry.parameters
    if size < entry.smallest:
        return None
    _load_tensorflow()
    from fracture_core.networks import architectures

    return architectures.build(entry.name, size).count_params()


# --- runs ---------------------------------------------------------------------------------------


def config_of(options: argparse.Namespace) -> TrainConfig:
    """The config that a preset or file and the given options make.

    Raises:
        ConfigError: a setting is unknown or out of range.
        DataError: the data's path cannot be followed.
    """
    from fracture_core.datasets import layouts

    data = str(layouts.absolute(options.data))
    if options.config:
        try:
            text = file_reader.read_text(options.config, file_reader.NOTE_BYTES)
        except FileRefused as error:
            raise ConfigError(
                f"{options.config} cannot be read as a config: it {error.reason}."
            ) from error
        config = replace(TrainConfig.from_dict({"data": data, **_json_object(text)}), data=data)
    else:
        config = settings.preset(options.preset or "recommended", data)
    return changed(config, options)


def changed(config: TrainConfig, options: argparse.Namespace) -> TrainConfig:
    """The config with the settings that the options give; its data stay what they are."""
    given = {k: v for k, v in vars(options).items() if v is not None and k != "data"}
    if "dense" in given:
        given["dense"] = settings.parse_units(given["dense"])
    found: dict[str, Any] = {}
    for key, value in config.to_dict().items():
        if isinstance(value, dict):  # a record of settings, whose options have their own names
            found[key] = {inner: given.get(inner, kept) for inner, kept in value.items()}
        else:
            found[key] = given.get(key, value)
    return TrainConfig.from_dict(found)


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = file_reader.parsed(text)
    except ValueError as error:
        raise ConfigError(f"A config file must be valid JSON: {error}.") from error
    if not isinstance(value, dict):
        raise ConfigError("A config file holds one JSON object, as a run's config.json does.")
    return value.get("config", value)


def train(options: argparse.Namespace) -> int:
    """Make a run and follow it to its end, or queue it."""
    from fracture_core.datasets import catalog, exclusions
    from fracture_core.jobs import launcher
    from fracture_core.networks import architectures
    from fracture_core.phantom import phantom_set

    config = config_of(options)
    architectures.check(config.architecture, config.recipe.size, config.options)
    if config.weights:
        architectures.check_weights_file(Path(config.weights))
    if config.exclude:
        exclusions.read(Path(config.exclude))  # refused now rather than by a failed run
    root = Path(config.data)
    drawn = root == settings.phantom_folder() or phantom_set.is_phantom(root)
    if not drawn or phantom_set.is_complete(root):  # one that is not complete, the child completes
        dataset = catalog.read(root, config.positive)
        catalog.select(dataset.manifest, parts=config.parts)  # refuses a part that is not there
        config = replace(config, data=str(dataset.root))
    folder = launcher.create_and_start(config, options.name, queue=options.queue)
    return _queued(folder) if options.queue else _follow(folder)


def resume(options: argparse.Namespace) -> int:
    """Go on with a run and follow it, or queue it."""
    from fracture_core.jobs import launcher
    from fracture_core.runs import run_folders

    folder = run_folders.find(options.run)
    launcher.resume(folder, options.more_epochs, wait_for_slot=options.queue)
    return _queued(folder) if options.queue else _follow(folder)


def _queued(folder: Path) -> int:
    print(f"{folder.name} waits for its turn. Watch it with: python -m fracture_core runs")
    return 0


def _follow(folder: Path) -> int:
    """Show a run's progress until it ends; Ctrl-C asks it to stop. Gives the exit status."""
    from fracture_core.runs import journal, run_folders

    print(f"Run {folder.name} in {folder}")
    while True:
        try:
            if not (status := run_folders.status(folder)).state.alive:
                break
            _show_line(_spoken(status))
            time.sleep(0.3)
        except KeyboardInterrupt:
            run_folders.send_request(folder, "stop")
    _show_line("")
    failed = status.state in (run_folders.State.FAILED, run_folders.State.INTERRUPTED)
    say(status.message, file=sys.stderr if failed else sys.stdout)
    _print_refused(folder)
    if not failed:
        _print_run_figures(folder)
    elif tail := journal.log_tail(folder, 15).replace(status.message, "").strip():
        for line in tail.splitlines():
            say(line, file=sys.stderr)
    return int(failed)


def _print_refused(folder: Path) -> None:
    """The films that a run was given and could not read, the first of them by name."""
    from fracture_core.runs import journal, run_folders

    if refused := journal.refused(folder):
        given = sum(run_folders.read(folder).facts["data"]["images"].values())
        print(f"{len(refused)} of {given:,} films could not be read and were left out:")
        for path, reason in refused[:NAMED]:
            say(f"  {path}: {reason}")
        if len(refused) > NAMED:
            print(f"  and {len(refused) - NAMED} more")


def _spoken(status: Any) -> str:
    left = f", {duration(status.seconds_left)} left" if status.seconds_left else ""
    rate = f", {status.images_per_second:,.0f} images/s" if status.images_per_second else ""
    share = f" {status.step / status.steps:.0%}" if status.steps else ""  # of the whole run
    return f"{status.state}: {status.message}{share}{rate}{left}"


def _print_run_figures(folder: Path) -> None:
    """How good the run's best epoch is on whole studies."""
    from fracture_core.models import cards
    from fracture_core.runs import predictions, run_folders

    epoch = predictions.best_epoch(folder)
    if epoch is None:
        return
    films = cards.run_predictions(folder, epoch)
    threshold = run_folders.read(folder).config.threshold
    chosen = (films["role"] == "dev").any()
    origin = "the best on dev." if chosen else "the last; no dev share chose one."
    print(f"Epoch {epoch} is {origin}")
    for role in ("dev", "valid"):
        rows = films[films["role"] == role]
        if len(rows):
            _print_summaries(role, cards.summaries(rows, threshold))


def stop(options: argparse.Namespace) -> None:
    """Ask a run to stop."""
    from fracture_core.errors import RunError
    from fracture_core.runs import run_folders

    folder = run_folders.find(options.run)
    status = run_folders.status(folder)
    if not status.state.alive:
        raise RunError(f"{options.run} is not at work: it is {status.state}.")
    run_folders.send_request(folder, "stop_after_epoch" if options.after_epoch else "stop")
    print(f"Asked {options.run} to stop{' after this epoch' if options.after_epoch else ''}.")


def fork(options: argparse.Namespace) -> int:
    """Begin a new run as another stood after an epoch, and follow it, or queue it."""
    from fracture_core.jobs import launcher
    from fracture_core.runs import run_folders

    name, at, epoch = options.run.rpartition("@")
    chosen = settings.whole_number(epoch)
    if not at or chosen is None:
        raise ConfigError(
            f"A fork begins at an epoch of a run, as in {short(options.run.strip('@'))}@5; "
            f"received {short(options.run)!r}."
        )
    source = run_folders.find(name)
    before = run_folders.read(source).config
    after = changed(before, options)
    names = (field.name for field in fields(before))
    changes = {n: getattr(after, n) for n in names if getattr(after, n) != getattr(before, n)}
    folder = launcher.fork(source, chosen, options.name, queue=options.queue, **changes)
    return _queued(folder) if options.queue else _follow(folder)


def set_rate(options: argparse.Namespace) -> None:
    """Ask a run for another learning rate; one at rest takes it when it goes on."""
    from fracture_core.runs import run_folders

    folder = run_folders.find(options.run)
    settings.check_range("learning_rate", options.rate, settings.LIMITS.learning_rate)
    run_folders.send_request(folder, "learning_rate", rate=options.rate)
    when = "its next step" if run_folders.is_alive(folder) else "when it goes on"
    print(f"{options.run} takes a learning rate of {options.rate:g} from {when}.")


def curves(options: argparse.Namespace) -> None:
    """Print a run's epochs as CSV."""
    from fracture_core.runs import journal, predictions, run_folders

    folder = run_folders.find(options.run)
    print(journal.curves_csv(folder), end="")
    if lost := predictions.lost_lines(folder):
        print(
            f"The metrics.jsonl of {folder.name} lost {predictions.named(lost)}. Put the file "
            "back.",
            file=sys.stderr,
        )


def check(options: argparse.Namespace) -> int:
    """Name the damaged and the unguarded files of a run; gives the exit status."""
    from fracture_core import checksums
    from fracture_core.runs import journal, predictions, run_folders

    folder = run_folders.find(options.run)
    damaged, unguarded = checksums.damaged(folder), checksums.unguarded(folder)
    for name in ("metrics.jsonl", "events.jsonl", "steps.jsonl"):
        if journal.damaged_lines(folder / name) or not _can_be_read(folder / name):
            damaged.append(name)
    missing = checksums.missing(folder)
    if "metrics.jsonl" not in damaged and (lost := predictions.lost_lines(folder)):
        missing.append(f"metrics.jsonl: {predictions.named(lost)}")
    for name in damaged:
        say(f"damaged      {name}")
    for name in missing:
        say(f"missing      {name}")
    for name in unguarded:
        say(f"no checksum  {name}")
    total = len(checksums.names(folder))
    print(
        f"{total} files: {len(damaged)} damaged, {len(missing)} missing, {len(unguarded)} without "
        "a checksum."
    )
    return 1 if damaged or missing else 0


def _can_be_read(path: Path) -> bool:
    """Whether a file of lines is missing or a file; another thing in its place is no file."""
    from fracture_core.runs import journal

    try:
        journal.lines(path)
    except RunError:
        return False
    return True


def list_runs(options: argparse.Namespace) -> None:
    """List the runs, newest first; those that cannot be read are named on standard error."""
    from fracture_core.runs import run_folders

    found, rows = run_folders.list_runs(), []
    unreadable = run_folders.unreadable(found)
    for run in found:
        try:
            rows.append(_row(run))
        except RunError as error:
            unreadable.append(str(error))
    for sentence in unreadable:
        say(sentence, file=sys.stderr)
    if options.json:
        print(json.dumps(rows, indent=2))
        return
    for row in rows:
        epochs = f"{row['epoch']}/{row['epochs']}"
        print(f"{row['name']:36}{row['state']:12}{row['architecture']:12}{epochs:>9}")
    if not rows and not unreadable:
        print("No run yet. Start one with: python -m fracture_core train DATA")


def _row(run: "Run") -> dict[str, Any]:
    """What `runs --json` says of a run."""
    from fracture_core.runs import journal, predictions

    table = journal.metrics(run.folder)
    last = table.iloc[-1].to_dict() if len(table) else {}
    return {
        "name": run.name,
        "state": str(run.status.state),
        "message": run.status.message,
        "architecture": run.config.architecture,
        "epoch": run.status.epoch,
        "epochs": journal.epochs_requested(run.folder, run.config),
        "best_epoch": predictions.best_epoch(run.folder),
        "metrics": {k: v.item() if hasattr(v, "item") else v for k, v in last.items()},
    }


def child(options: argparse.Namespace) -> int:
    """Inside a child process: bring a run to its end."""
    from fracture_core.cli import child
    from fracture_core.jobs import launcher
    from fracture_core.runs import run_folders

    held = launcher.adopt_lock()
    folder = run_folders.find(options.folder)
    lock = run_folders.take_lock(folder) if held is None else held
    return child.run(folder, lock, wait_for_slot=options.wait)


def child_evaluate(options: argparse.Namespace) -> int:
    """Inside a child process: do an evaluation."""
    from fracture_core.cli import child
    from fracture_core.jobs import launcher
    from fracture_core.runs import run_folders

    folder, held = Path(options.folder), launcher.adopt_lock()
    return child.evaluate(folder, run_folders.take_lock(folder) if held is None else held)


def child_gate(options: argparse.Namespace) -> int:
    """Inside a child process: fit a run's gate."""
    from fracture_core.cli import child
    from fracture_core.jobs import launcher
    from fracture_core.runs import run_folders

    folder, held = Path(options.folder), launcher.adopt_lock()
    return child.gate(folder, run_folders.take_lock(folder) if held is None else held)


def child_averages(options: argparse.Namespace) -> int:
    """Inside a child process: judge runs anew with recomputed averages."""
    from fracture_core.cli import child
    from fracture_core.jobs import launcher
    from fracture_core.runs import run_folders

    folder, held = Path(options.folder), launcher.adopt_lock()
    return child.averages(folder, run_folders.take_lock(folder) if held is None else held)


def child_audit(options: argparse.Namespace) -> int:
    """Inside a child process: do an audit."""
    from fracture_core.cli import child
    from fracture_core.jobs import launcher
    from fracture_core.runs import run_folders

    folder, held = Path(options.folder), launcher.adopt_lock()
    return child.audit(folder, run_folders.take_lock(folder) if held is None else held)


def child_phantom(options: argparse.Namespace) -> None:
    """Inside a child process: make, or finish, the phantom in a folder."""
    from fracture_core.phantom import phantom_set

    phantom_set.complete(Path(options.folder))


def child_probe(options: argparse.Namespace) -> None:
    """Inside a child process: print how many films a second a run's network learns."""
    from fracture_core.runs import run_folders
    from fracture_core.training import probe

    config = run_folders.read(run_folders.find(options.folder)).config
    print(probe.measure(config, options.threads, options.branches))


# --- models -------------------------------------------------------------------------------------


def predict(options: argparse.Namespace) -> int:
    """Judge studies: a line an image, then the verdict; 1 where no film could be judged."""
    from fracture_core.datasets import study_paths
    from fracture_core.models import cards

    model = cards.find(options.model)
    threshold = model.card.threshold if options.threshold is None else options.threshold
    settings.check_range("threshold", threshold, (0.0, 1.0))
    found = study_paths.read(options.study)
    _load_tensorflow()
    from fracture_core.files import replace_file
    from fracture_core.models import caveats, inference
    from fracture_core.reports import study_record, study_report

    studies = inference.films_of(found)
    predictor = inference.Predictor(model)
    real = any(_is_real(films) for _, films in studies)
    if not options.json:
        for sentence in caveats.warnings(model, threshold, real):
            say(f"Warning: {sentence}", file=sys.stderr)
    judged = []
    for name, films in studies:
        judged.append(predictor.predict_study(name, films, options.count_doubted))
        if not options.json:
            _print_study(judged[-1], threshold)
    if options.report:
        cases = [_case(study, films) for study, (_, films) in zip(judged, studies, strict=True)]
        told = study_report.document(
            cases, model, threshold, names=options.names, left_out=found.left_out
        )
        replace_file(options.report, told.encode())
    if options.json:
        told = study_record.as_dict(judged, model, threshold, found.left_out, real)
        print(json.dumps(told, indent=2))
    for sentence in (*(f"{name} {reason}" for name, reason in found.left_out), *found.remarks):
        say(sentence, file=sys.stderr)
    if any(study.films for study in judged):
        return 0
    print("No film could be judged.", file=sys.stderr)
    return 1


def _print_study(study: Any, threshold: float) -> None:
    """A line an image, 0 or 1 as the report printed it, then the verdict."""
    from fracture_core.verdicts import aggregation

    for film in study.films:
        positive = int(aggregation.is_positive(film.probability, threshold))
        say(f"[[{positive}]]  {film.probability:.4f}  {film.name}")
        for doubt in film.doubts:
            say(f"       doubted{'' if film.counted else ', not counted'}: {doubt}")
    for name, reason in study.refused:
        say(f"refused: {name} {reason}")
    name, patient = _names(study)
    for remark in study.remarks:
        say(f"{name}: {remark}", file=sys.stderr)
    say(
        aggregation.sentence(
            study.verdict(threshold),
            name,
            patient,
            study.deciding(threshold),
            films=len(study.probabilities),
            refused=len(study.refused),
            doubted=len(study.doubted),
        )
    )


def _names(study: Any) -> tuple[str, str | None]:
    """What a judged study and its patient are called; `None` where the folders do not say."""
    path = Path(study.study)
    return path.name, path.parent.name if path.parent.name.startswith("patient") else None


def _case(study: Any, films: Any) -> Any:
    """A judged study for the report; films are real unless they lie in a phantom."""
    from fracture_core.reports import study_record

    name, patient = _names(study)
    return study_record.Case(
        judged=study,
        exhibits=tuple(study_record.Exhibit(film=film) for film in films),
        study=name,
        patient=patient,
        real=_is_real(films),
    )


def _is_real(films: Any) -> bool:
    """Whether a study's films are taken to be real: they do not lie in a phantom."""
    from fracture_core.phantom import phantom_set

    sources = [film.source for film in films]
    return not all(any(map(phantom_set.is_synthetic, _folders(source))) for source in sources)


def _folders(source: Path | bytes) -> Sequence[Path]:
    """All folders that a film lies in; none of one out of a zip."""
    return () if isinstance(source, bytes) else source.resolve().parents


def evaluate(options: argparse.Namespace) -> None:
    """Judge every study of a split; a line each, then the figures."""
    from fracture_core.datasets import catalog
    from fracture_core.models import cards, evaluation, training_patients
    from fracture_core.models.training_patients import TrainingOverlap

    dataset = catalog.read(options.data, options.positive)
    parts = tuple(options.parts or ())
    _load_tensorflow()
    show = None if options.json else _progress_line("films")
    model = cards.find(options.model).card.name
    folder = evaluation.folder_of(options.model, dataset, options.split)
    value = evaluation.evaluate(options.model, dataset, options.split, parts, progress=show)
    # For the Evaluate page. Of a run that goes on, another epoch may have become the best one.
    if not parts and value.model == model:
        with contextlib.suppress(WriteFailed):  # it can be read here where nothing can be kept
            evaluation.save(folder, value)
    found = value.to_dict()
    known = training_patients.among(cards.find(options.model), dataset)
    for line in found["lines"]:
        patient = line["study"].split("/")[2]
        line["acquaintance"] = str(known.get(patient, TrainingOverlap.NEW))
    if options.json:
        print(json.dumps(found, indent=2))
        return
    for line in found["lines"]:
        numbers = " ".join(f"{p:.3f}" for p in line["probabilities"])
        verdict = "fracture" if line["fracture"] else "no fracture"
        right = "right" if line["right"] else "WRONG"
        mark = TrainingOverlap(line["acquaintance"]).mark
        right += f" ({mark})" if mark else ""
        say(f"{line['study']}: {numbers} -> {verdict}, label {line['label']}, {right}")
    for item in found["refused"]:
        say(f"refused ({item['path']}): {item['reason']}")
    _print_summaries(options.split, value.summaries())


def _print_summaries(split: str, levels: dict[str, Any]) -> None:
    for level, value in levels.items():
        c = value.confusion
        print(f"\n{split}, {value.n:,} {level}: TP {c.tp}  FP {c.fp}  FN {c.fn}  TN {c.tn}")
        for name in ("accuracy", "sensitivity", "specificity", "majority"):
            print(f"  {name:12} {_proportion(getattr(value, name))}")
        if value.kappa is not None:
            interval = "(no interval)"
            if value.kappa_low is not None:
                interval = f"(95 % interval {value.kappa_low:.2f} to {value.kappa_high:.2f})"
            print(f"  {'kappa':12} {value.kappa:6.2f}  {interval}")
        if value.auroc is not None:
            interval = f"(95 % interval {value.auroc_low:.3f} to {value.auroc_high:.3f})"
            print(f"  {'AUROC':12} {value.auroc:6.3f}  {interval}")


def _proportion(p: Any) -> str:
    if p.value is None:
        return "none to count"
    return f"{p.value:6.1%}  {p.count}/{p.n}  (95 % interval {p.low:.1%} to {p.high:.1%})"


def gate(options: argparse.Namespace) -> None:
    """Fit a released model's gate on the data that it was trained on."""
    from fracture_core.datasets import catalog
    from fracture_core.errors import ModelError
    from fracture_core.models import cards, gate_job

    model = cards.find(options.model)
    if "@" in model.reference:
        raise ModelError(f"{options.model} is a run: its gate is fitted when it is released.")
    dataset = catalog.read(options.data, options.positive)
    _load_tensorflow()
    path = gate_job.add(model, dataset)
    _print_gate(cards.read(path.parent).card)


def _print_gate(card: "Card") -> None:
    """What a released model's gate does, or why it has none."""
    facts = card.gate
    if card.members:
        print("It has no gate: an ensemble judges without one.")
        return
    if not facts:
        print(
            "It has no gate: its training films could not be read, are not what they were, or are "
            "too few.",
            file=sys.stderr,
        )
        return
    print(
        f"Its gate doubts films further than {facts['limit']:.1f} from its {facts['fitted_on']:,} "
        f"training films, which {facts['false_refusal']:.0%} of {facts['calibrated_on']:,} films "
        f"({facts['calibrated_with']}) do."
    )


def release(options: argparse.Namespace) -> None:
    """Publish a run as a model."""
    from fracture_core.models import cards, release

    _load_tensorflow()
    folder = release.release(options.run, options.name)
    print(f"Released {folder}")
    _print_gate(cards.read(folder).card)


def ensemble(options: argparse.Namespace) -> None:
    """Publish the mean of some models as a model, and how it and its members did."""
    from fracture_core.models import cards, ensemble

    folder = ensemble.make(options.members, options.name)
    model = cards.read(folder)
    say(f"Released {folder}: {model.card.network}")
    _print_gate(model.card)
    own = [(member, found["studies"]) for member, found in ensemble.of_members(model)]
    if not own:
        print("Its members share no dev films, so nobody knows how far to trust it.")
        return
    whole = model.at_threshold(model.card.threshold)["studies"]
    print(f"\nOn the {whole.n} dev studies that taught none of them:")
    for name, found in [*own, (options.name, whole)]:
        right = found.accuracy
        say(
            f"  {name:36}accuracy {right.value:6.1%}  {right.count}/{right.n}  "
            f"(95 % interval {right.low:.1%} to {right.high:.1%})"
        )


# --- terminal -----------------------------------------------------------------------------------


def say(line: str, file: TextIO | None = None) -> None:
    """Print one line that holds foreign text, such as a file's name.

    A control character in it, or the end of a line, becomes a mark: no name may speak to the
    terminal, or write a line of its own.
    """
    from fracture_core.reports.markup import clean

    print(clean(line), file=file or sys.stdout)


def _load_tensorflow() -> None:
    """Import it without its notes on processor and missing GPU, which no setting silences."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        with without_collector():
            import tensorflow as tf

            tf.constant(0)  # the first tensor looks for devices
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _progress_line(what: str) -> Callable[[int, int], None]:
    seconds_left = time_left()

    def show(done: int, total: int) -> None:
        seconds = seconds_left(done, total)
        left = "" if seconds is None else f", {duration(seconds)} left"
        _show_line("" if done >= total else f"{done:,} of {total:,} {what}{left}")

    return show


def _show_line(text: str) -> None:
    """Replace the present line of a terminal; nothing where the output goes elsewhere."""
    if sys.stderr.isatty():
        from fracture_core.reports.markup import clean

        sys.stderr.write(f"\r\033[K{clean(text[:110])}")
        sys.stderr.flush()


# --- a room -------------------------------------------------------------------------------------


def room(options: argparse.Namespace) -> int:
    """Serve the app to a room: print the addresses, then run the server until it is stopped."""
    from fracture_core import room

    host = room.checked_host(options.host)
    token = room.new_token()
    print(f"Visitors: https://{host}/ (they browse, watch and upload films)")
    print(f"You, on this machine: http://localhost:{options.port}/?owner={token}")
    print(f"You, from elsewhere: https://{host}/ with this token under Visitor, Owner's token.")
    print(f"The token is kept in {room.token_path()} and is another one at the next start.")
    print("A proxy with TLS in front passes visitors on: docs/security.md. Ctrl-C ends it.")
    sys.stdout.flush()
    environment = os.environ | {room.VARIABLE: host}
    os.chdir(settings.PROJECT)  # where .streamlit/config.toml lies
    os.execve(sys.executable, room.server_command(host, options.port), environment)
