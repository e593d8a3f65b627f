"""The table of packages of docs/architecture.md as a test, and what may load at run time.

Whoever adds a package adds a row. A package imports only from packages above its own row; modules
of one package may import each other, without a circle.
"""

import ast
import graphlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent

PACKAGES = (
    "",  # the modules at the top: errors, folders, files
    "config",
    "film_files",
    "dicom_files",
    "films",
    "anatomy",
    "phantom",
    "data_folders",
    "readers",
    "study_sorting",
    "datasets",
    "curation",
    "verdicts",
    "operating_points",
    "own_networks",
    "clusters",
    "runs",
    "epochs",
    "jobs",
    "run_groups",
    "audit",
    "analysis",
    "difficult_studies",
    "sweeps",
    "learning_curve",
    "networks",
    "losses",
    "pretrained",
    "learners",
    "training_films",
    "training",
    "models",
    "prediction",
    "evaluations",
    "neighbours",
    "releases",
    "exports",
    "cross_validation",
    "answers",
    "model_comparison",
    "floors",
    "explanations",
    "reports",
    "cli",
    "cli.commands",
)
MOST_MODULES = 10  # of a package
WITHOUT_TENSORFLOW = PACKAGES[: PACKAGES.index("networks")]  # nor scikit-learn, SciPy at import
NEEDS_TENSORFLOW = {
    "networks.layers",
    "losses.film_loss",
    "losses.pooling",
    "learners.learner",
    "learners.weight_average",
    "training.averages",
    "training.event_files",
    "training.steps",
    "training.loop",
    "training.rehearsal",
    "prediction.gate_features",
    "prediction.inference",
    "explanations.heat_maps",
    "explanations.tta",
}  # at import; others only inside functions
CORE = sorted(path for path in PROJECT.glob("fracture_core/**/*.py") if path.stem != "__init__")


def imports(path: Path) -> set[str]:
    """Return every module name that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def module_of(path: Path) -> str:
    """Return a core module's name without the top one: "runs.journal"."""
    return ".".join(path.relative_to(PROJECT / "fracture_core").with_suffix("").parts)


MODULES = {module_of(path): path for path in CORE}


def core_modules(path: Path) -> set[str]:
    """Return the core modules among a file's imports."""
    names = {name.removeprefix("fracture_core.") for name in imports(path)}
    return {module for module in MODULES for name in names if f"{name}.".startswith(f"{module}.")}


def package_of(module: str) -> str:
    """Return the package that a module lies in; "" at the top."""
    return module.rpartition(".")[0]


def loaded_by(code: str) -> set[str]:
    """Return the names of the modules that a fresh interpreter has loaded after running `code`."""
    printed = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print('\\n'.join(sys.modules))"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(printed.stdout.split())


def loaded_with(modules: list[str]) -> set[str]:
    return loaded_by("\n".join(f"import fracture_core.{name}" for name in modules))


def test_every_package_has_its_row_and_few_modules() -> None:
    assert len({path.stem for path in CORE}) == len(CORE), "two modules share a name"
    assert {package_of(module) for module in MODULES} == set(PACKAGES)
    for package in PACKAGES:
        modules = [m for m in MODULES if package_of(m) == package and m != "__main__"]
        assert len(modules) <= MOST_MODULES, f"{package or 'the top'}: {modules}"


@pytest.mark.parametrize("module", [m for m in MODULES if m != "__main__"])
def test_packages_import_only_from_those_above(module: str) -> None:
    row = PACKAGES.index(package_of(module))
    upwards = {
        name for name in core_modules(MODULES[module]) if PACKAGES.index(package_of(name)) > row
    }
    assert not upwards, f"{module} must not import {upwards}"


def test_modules_import_each_other_without_a_circle() -> None:
    graph = {module: core_modules(path) - {module} for module, path in MODULES.items()}
    assert list(graphlib.TopologicalSorter(graph).static_order())


def test_the_architecture_page_has_the_same_table() -> None:
    text = (PROJECT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1].strip(" `") for line in text.splitlines() if line.startswith("| `")]
    assert [name for name in rows if name in PACKAGES] == list(PACKAGES[1:])


def test_the_calls_of_the_architecture_page_are_there() -> None:
    text = (PROJECT / "docs" / "architecture.md").read_text(encoding="utf-8")
    journeys = text[text.index("## Three journeys") : text.index("## A run")]
    files = [*PROJECT.glob("fracture_core/**/*.py"), *PROJECT.glob("ui/**/*.py")]
    paths = {(p.parent if p.stem == "__init__" else p.with_suffix("")).name: p for p in files}
    calls = re.findall(r"`([a-z_0-9]+)\.([A-Za-z_]+)`", journeys)
    calls = [(module, name) for module, name in calls if name not in ("function", "jsonl", "py")]
    assert len(calls) > 20
    for module, name in calls:
        tree = ast.parse(paths[module].read_text(encoding="utf-8"))
        defined = {getattr(node, "name", None) for node in tree.body}
        defined |= {
            t.id
            for n in tree.body
            if isinstance(n, ast.Assign)
            for t in n.targets
            if isinstance(t, ast.Name)
        }
        defined |= {n.target.id for n in tree.body if isinstance(n, ast.AnnAssign)}
        assert name in defined, f"{module}.{name}"


def test_the_core_knows_nothing_of_pages_and_streamlit() -> None:
    for path in CORE:
        tops = {name.split(".")[0] for name in imports(path)}
        assert not tops & {"streamlit", "plotly", "ui", "pages", "app"}, path


def test_ui_and_pages_import_in_one_direction() -> None:
    for path in PROJECT.glob("ui/**/*.py"):
        assert not {name.split(".")[0] for name in imports(path)} & {"pages", "app"}, path
    for path in PROJECT.glob("pages/*.py"):
        assert not {name.split(".")[0] for name in imports(path)} & {"pages", "app"}, path


def test_packages_above_networks_load_neither_tensorflow_nor_streamlit() -> None:
    loaded = loaded_with(
        [m for m in MODULES if package_of(m) in WITHOUT_TENSORFLOW and m[0] != "_"]
    )
    assert not loaded & {"tensorflow", "keras", "streamlit", "sklearn", "scipy"}


def test_only_what_trains_or_predicts_loads_tensorflow_at_import() -> None:
    loaded = loaded_with(sorted(set(MODULES) - NEEDS_TENSORFLOW - {"__main__"}))
    assert not loaded & {"tensorflow", "keras", "streamlit"}


def test_a_run_that_waits_for_a_slot_is_small() -> None:
    # Dozens may wait at once, each in a process of its own; test_child looks into a real one.
    loaded = loaded_by("import fracture_core.cli.child")
    assert not loaded & {"tensorflow", "numpy", "pandas", "PIL"}


def test_the_help_of_every_command_loads_nothing_large() -> None:
    commands = [module for module in MODULES if package_of(module) == "cli.commands"]
    assert len(commands) > 5
    loaded = loaded_with(commands)
    assert not loaded & {"tensorflow", "numpy", "pandas", "PIL", "jinja2"}


MARKDOWN = {
    "badge",
    "button",
    "caption",
    "checkbox",
    "error",
    "expander",
    "header",
    "info",
    "markdown",
    "metric",
    "page_link",
    "popover",
    "progress",
    "radio",
    "slider",
    "spinner",
    "status",
    "subheader",
    "success",
    "tabs",
    "title",
    "toast",
    "toggle",
    "warning",
    "write",
}
FOREIGN = {
    "dev_words",
    "label_meaning",
    "message",
    "no_dev_words",
    "note",
    "patient",
    "root",
    "tags",
    "threshold_origin",
}
LITERAL = {"plain", "code"}  # of theme, and of Streamlit


def bare(node: ast.AST) -> list[str]:
    """Foreign texts below a node that pass no function which shows them to the letter."""
    name = node.func.attr if isinstance(node, ast.Call) and hasattr(node.func, "attr") else ""
    if name in LITERAL or isinstance(node, ast.Lambda):
        return []
    text = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "str"
    if isinstance(node, ast.Attribute) and node.attr in FOREIGN:
        return [ast.unparse(node)]
    if isinstance(node, ast.FormattedValue) or text:
        value = node.value if isinstance(node, ast.FormattedValue) else node.args[0]
        if isinstance(value, ast.Name) and value.id == "error":
            return [ast.unparse(value)]
    return [each for child in ast.iter_child_nodes(node) for each in bare(child)]


def test_foreign_text_reaches_markdown_only_through_plain() -> None:
    for path in (PROJECT / "app.py", *PROJECT.glob("ui/**/*.py"), *PROJECT.glob("pages/*.py")):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                continue
            if call.func.attr in MARKDOWN and ast.unparse(call.func) != "phantom.progress":
                texts = [
                    *call.args[:2],
                    *(k.value for k in call.keywords if k.arg in ("help", "label")),
                ]
                loose = [each for text in texts for each in bare(text)]
                assert not loose, f"{path.name}:{call.lineno} shows {loose} without theme.plain"


def test_whatever_writes_a_csv_file_keeps_formulas_out_of_it() -> None:
    writers = {
        path.relative_to(PROJECT).as_posix(): path.read_text()
        for folder in ("fracture_core", "ui", "pages")
        for path in (PROJECT / folder).rglob("*.py")
        if re.search(r"\.to_csv\(\w|csv\.writer\(", path.read_text())
    }
    digest = "fracture_core/datasets/manifest_file.py"  # of the manifest; no file
    assert digest in writers and len(writers) > 4
    cells = re.compile(r"map\(cell\)|\bcell\(\w")
    assert [path for path, text in writers.items() if not cells.search(text)] == [digest]
    config = tomllib.loads((PROJECT / ".streamlit" / "config.toml").read_text())
    assert config["client"]["disableDataExport"]  # of Streamlit's own tables
