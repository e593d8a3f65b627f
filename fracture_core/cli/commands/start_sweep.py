"""The commands `sweep` and `learning-curve`: several runs of a setting, and an answer in words.

Modules that load pandas are imported by the function that needs them, so that `--help` is quick.
"""

import argparse
import math
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from fracture_core.cli import Command, run_group, setting_options, terminal
from fracture_core.errors import ConfigError, RunError
from fracture_core.words import duration, plural, short

if TYPE_CHECKING:
    from fracture_core.datasets.catalog import Dataset
    from fracture_core.learning_curve.curve import Curve
    from fracture_core.sweeps.answer import Answer
    from fracture_core.sweeps.sweep import Sweep

OWN = ("fold", "fold_list")  # settings of a cross-validation alone
SHARES = ("10", "20", "40", "70", "100")  # percent, those of `curve.SHARES`; quick to show as help


def _arguments(parser: argparse.ArgumentParser) -> None:
    setting_options.add_data(parser)
    parser.add_argument(
        "--vary",
        action="append",
        required=True,
        metavar="SETTING=VALUE,VALUE",
        help="setting and its values, as in learning-rate=0.001,0.0003; repeats, 1 to 3 times",
    )
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each combination (3)")
    setting_options.add_settings(parser, setting_options.default_of_train, OWN)
    setting_options.add_start(parser, "of the sweep; its runs are NAME-1-seed1, ...")
    parser.add_argument("--json", action="store_true", help="print JSON")


def _curve_arguments(parser: argparse.ArgumentParser) -> None:
    setting_options.add_data(parser)
    parser.add_argument(
        "--shares",
        default=",".join(SHARES),
        metavar="PERCENT,PERCENT",
        help=f"of the training patients, each within the next ({','.join(SHARES)})",
    )
    parser.add_argument("--seeds", type=int, default=3, help="trainings at each share (3)")
    but = (*OWN, "training_share")
    setting_options.add_settings(parser, setting_options.default_of_train, but)
    setting_options.add_start(parser, "of the learning curve; its runs are NAME-1-seed1, ...")
    parser.add_argument("--json", action="store_true", help="print JSON")


def _sweep(options: argparse.Namespace) -> int:
    from fracture_core.sweeps import axes, sweep

    config = setting_options.config_of(options)
    name = options.name or f"sweep-{datetime.now():%Y%m%d-%H%M%S}"
    planned = sweep.plan(config, list(map(axes.parse, options.vary)), options.seeds, name)
    return _start(planned, options)


def _learning_curve(options: argparse.Namespace) -> int:
    from fracture_core.learning_curve import curve

    config = setting_options.config_of(options)
    name = options.name or f"learning-curve-{datetime.now():%Y%m%d-%H%M%S}"
    planned = curve.plan(config, options.seeds, name, _shares(options.shares))
    return _start(planned, options)


def _shares(text: str) -> list[float]:
    """Return the shares of a text of percents: "10,20,40".

    Raises:
        ConfigError: a word is no number from 1 to 100.
    """
    shares = []
    for word in text.split(","):
        try:
            shares.append(float(word) / 100)
        except ValueError:
            raise ConfigError(
                f"--shares takes percents separated by commas, as in {','.join(SHARES)}; received "
                f"{short(word.strip())!r}."
            ) from None
    return shares


def _start(planned: "Sweep", options: argparse.Namespace) -> int:
    """Tell the cost of a planned group, and start its runs; return the exit status."""
    for each in planned.planned.values():
        setting_options.check_network(each)
    dataset = setting_options.dataset_of(options)
    if not options.json:
        print(_cost(planned, dataset))
    from fracture_core.sweeps import sweep

    value = sweep.begin(planned, dataset)
    return queued(value, options.json) if options.queue else follow(value, options.json)


def _cost(value: "Sweep", dataset: "Dataset") -> str:
    """Return the number of runs and the time they take, by their networks' size."""
    from fracture_core.jobs.launcher import slots
    from fracture_core.learning_curve import curve
    from fracture_core.training import probe

    runs = value.planned.values()
    films = [setting_options.training_films(each, dataset) for each in runs]
    seconds = sum(map(probe.expected_seconds, runs, films))
    noun = "share" if curve.is_one(value) else "combination"
    whole = duration(math.ceil(seconds / min(len(runs), slots())))
    return (
        f"{plural(len(value.combinations), noun)}, {plural(value.seeds, 'seed')} each: "
        f"{plural(len(runs), 'run')}, estimated {whole} in all."
    )


def queued(value: "Sweep", as_json: bool) -> int:
    """Print the runs that wait in the queue; return the exit status."""
    if as_json:
        terminal.print_json({"sweep": value.name, "runs": list(value.planned)})
    else:
        print(f"{value.name} is queued: {plural(len(value.planned), 'run')}.")
        print(f"Its answer, once all have finished: python -m fracture_core evaluate {value.name}")
    return 0


def follow(value: "Sweep", as_json: bool) -> int:
    """Show a sweep's progress until no run is active, then its answer; return the exit status."""
    progress = run_group.follow(value, as_json)
    if progress.finished < progress.runs:
        return int(bool(progress.problems))
    show(value, as_json)
    return 0


def show(value: "Sweep", as_json: bool, split: str | None = None) -> None:
    """Print the answer of a sweep, of the seeds that all combinations have finished.

    Args:
        value: the sweep.
        as_json: print JSON.
        split: "dev" or "valid"; `None` for dev if there is one.

    Raises:
        ConfigError: the runs have not evaluated this split.
        RunError: there is no answer yet, or a run's files are damaged.
    """
    from fracture_core.learning_curve import curve
    from fracture_core.run_groups import members
    from fracture_core.sweeps import answer, sweep_words

    runs = members.read(value)
    tables = answer.tables(value, runs)
    roles = answer.roles(tables)
    role = split or next(iter(roles), "dev")
    if roles and role not in roles:
        raise ConfigError(f"The runs of {value.name} evaluated {' and '.join(roles)} films.")
    if curve.is_one(value):
        _show_curve(value, curve.of_runs(value, runs, tables, role), as_json)
        return
    own = answer.of_tables(value, tables, role)
    if isinstance(own, str):
        raise RunError(own)
    if as_json:
        terminal.print_json(_record(value, own))
        return
    for sentence in sweep_words.sentences(value, own):
        print(sentence)
    print()
    for number in sorted(own.accuracies, key=lambda each: -(own.accuracies[each].value or 0.0)):
        accuracy = own.accuracies[number]
        of_seeds = ", ".join(f"{x:.1%}" for x in own.by_seed[number - 1])
        terminal.print_line(f"  {accuracy.value:6.1%}  {value.words(number)}  ({of_seeds})")
    print(f"\n{sweep_words.method(own)}")


def _show_curve(value: "Sweep", own: "Curve | str", as_json: bool) -> None:
    from fracture_core.cli import learning_curve_output

    if isinstance(own, str):
        raise RunError(own)
    learning_curve_output.show(value, own, as_json)


def _record(value: "Sweep", own: "Answer") -> dict[str, Any]:
    """Return the answer as plain data."""
    from fracture_core.sweeps import sweep_words

    return {
        "sweep": value.name,
        "split": own.role,
        "seeds": own.seeds,
        "studies": own.studies,
        "patients": own.patients,
        "sentences": list(sweep_words.sentences(value, own)),
        "combinations": [
            {
                "settings": dict(value.combinations[number - 1]),
                "accuracy": asdict(accuracy),
                "by_seed": own.by_seed[number - 1].tolist(),
            }
            for number, accuracy in own.accuracies.items()
        ],
        "differences": [
            {
                "setting": pair.path,
                "better": pair.better,
                "worse": pair.worse,
                **asdict(pair.difference),
                "clear": pair.difference.is_clear,
            }
            for pair in own.pairs
        ],
        "best_by_chance": own.by_chance,
        "method": sweep_words.method(own),
    }


COMMANDS = {
    "sweep": Command(add_arguments=_arguments, run=_sweep),
    "learning-curve": Command(add_arguments=_curve_arguments, run=_learning_curve),
}
