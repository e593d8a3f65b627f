"""The import table of docs/architecture.md as a test, and what may load at run time.

Whoever adds a module adds a row. A module imports from the layers below its own, or from modules
further left in its own row.
"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent

LAYERS = (
    ("words", "errors", "memory", "reading", "files", "checksums", "config", "loading"),
    (
        "film_rules",
        "dicom",
        "images",
        "layouts",
        "uploads",
        "mura",
        "class_folders",
        "given",
        "fracatlas",
        "datasets",
        "phantom_anatomy",
        "phantom_films",
        "phantom_limbs",
        "phantom",
        "aggregation",
        "metrics",
        "fluctuation",
        "markup",
        "anatomy",
        "eraser",
        "coach",
        "exclusions",
        "film_facts",
        "film_checks",
        "shortcuts",
        "audit",
        "schedules",
        "network_size",
        "room",
    ),
    (
        "facts",
        "line_rules",
        "journal",
        "event_files",
        "runs",
        "pixel_hashes",
        "predictions",
        "trajectories",
        "feature_maps",
        "checkpoints",
        "set_aside",
        "forks",
        "curves",
        "comparison",
        "launcher",
        "report_2018",
        "report_claims",
        "reporter",
        "cards",
        "standing",
        "training_patients",
        "job_progress",
        "audit_job",
    ),
    ("layers", "architectures", "optimizers", "augmentation", "pipeline"),
    ("averages", "steps", "training", "gate", "inference", "explain", "spread"),
    (
        "evaluation",
        "gate_job",
        "averages_job",
        "release",
        "ensemble",
        "probe",
        "child",
        "study_record",
        "report_films",
        "study_report",
        "commands",
        "cli",
        "__main__",
    ),
)
NEEDS_TENSORFLOW = {
    "averages",
    "layers",
    "steps",
    "training",
    "gate",
    "inference",
    "explain",
    "spread",
}  # at import; others only inside functions
RANK = {name: (i, j) for i, row in enumerate(LAYERS) for j, name in enumerate(row)}
CORE = sorted(PROJECT.glob("fracture_core/*.py"))


def imports(path: Path) -> set[str]:
    """Every module name that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def core_modules(path: Path) -> set[str]:
    """The core modules among a file's imports."""
    named = {name.split(".")[1] for name in imports(path) if name.startswith("fracture_core.")}
    return named & set(RANK)


def loaded_by(code: str) -> set[str]:
    """Names of the modules that a fresh interpreter has loaded after running `code`."""
    printed = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print('\\n'.join(sys.modules))"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(printed.stdout.split())


def test_every_core_module_has_its_place_in_the_table() -> None:
    assert {path.stem for path in CORE} - {"__init__"} == set(RANK)


@pytest.mark.parametrize("path", [p for p in CORE if p.stem != "__init__"], ids=lambda p: p.stem)
def test_core_modules_import_only_downwards_and_leftwards(path: Path) -> None:
    upwards = {name for name in core_modules(path) if RANK[name] >= RANK[path.stem]}
    assert not upwards, f"{path.stem} must not import {upwards}"


def test_the_core_knows_nothing_of_pages_and_streamlit() -> None:
    for path in CORE:
        tops = {name.split(".")[0] for name in imports(path)}
        assert not tops & {"streamlit", "plotly", "ui", "pages", "app"}, path


def test_ui_and_pages_import_in_one_direction() -> None:
    for path in PROJECT.glob("ui/**/*.py"):
        assert not {name.split(".")[0] for name in imports(path)} & {"pages", "app"}, path
    for path in PROJECT.glob("pages/*.py"):
        assert not {name.split(".")[0] for name in imports(path)} & {"pages", "app"}, path


def test_layers_0_to_2_load_neither_tensorflow_nor_streamlit() -> None:
    names = [name for row in LAYERS[:3] for name in row]
    loaded = loaded_by("\n".join(f"import fracture_core.{name}" for name in names))
    assert not loaded & {"tensorflow", "keras", "streamlit", "sklearn", "scipy"}


def test_only_what_trains_or_judges_loads_tensorflow_at_import() -> None:
    names = sorted(set(RANK) - NEEDS_TENSORFLOW - {"__main__"})
    loaded = loaded_by("\n".join(f"import fracture_core.{name}" for name in names))
    assert not loaded & {"tensorflow", "keras", "streamlit"}


def test_a_run_that_waits_for_a_slot_is_small() -> None:
    # Dozens may wait at once, each in a process of its own.
    loaded = loaded_by("import fracture_core.cli, fracture_core.child")
    assert not loaded & {"tensorflow", "numpy", "pandas", "PIL"}


MARKDOWN = {
    "badge", "button", "caption", "checkbox", "error", "expander", "header", "info", "markdown",
    "metric", "page_link", "popover", "progress", "radio", "slider", "spinner", "status",
    "subheader", "success", "tabs", "title", "toast", "toggle", "warning", "write",
}  # fmt: skip
FOREIGN = {
    "dev_words", "label_meaning", "message", "no_dev_words", "note", "patient", "root", "tags",
    "threshold_origin",
}  # fmt: skip
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
