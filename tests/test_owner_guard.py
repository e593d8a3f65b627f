"""Nothing that changes something is called from a page but through `ui.actions`.

What changes something is not listed by hand: a function of the core does that writes, replaces,
moves or removes a file, or starts a process, or calls one that does. Those that only keep what can
be made again are named below, with what they keep.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from ui.shell import actions

PROJECT = Path(__file__).resolve().parent.parent
CORE = {path.stem: path for path in PROJECT.glob("fracture_core/**/*.py")}
PAGES = [*PROJECT.glob("ui/**/*.py"), *PROJECT.glob("pages/*.py"), PROJECT / "app.py"]
WRITES = {
    "replace_file",
    "write_text",
    "write_bytes",
    "unlink",
    "rmtree",
    "mkdir",
    "Popen",
    "copytree",
    "symlink_to",
    "chmod",
    "rmdir",
    "makedirs",
    "execve",
}
HARMLESS = {
    "catalog.read": "the list of films, in the cache",
    "images.thumbnail": "a small picture, in the cache",
    "inference.through_epochs": "reads an epoch's weights after another",
    "probe.kept_speed": "reads what a probe has kept",
    "run_archive.packed": "a file in the system's folder for such, gone when it is read",
    "launcher.reap": "lets go of children that have ended",
    "launcher.start_phantom": "`data_cache.ensure_phantom` alone, once a server: see below",
}
ONLY_IN = {"launcher.start_phantom": "data_cache.py"}


def names_of(tree: ast.Module) -> dict[str, str]:
    """Return a file's names of things of the core: name -> "module" or "module.function"."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("fracture_core"):
            module = node.module.split(".")[-1]
            for alias in node.names:  # a module of a package, or a function of a module
                whole = f"{module}.{alias.name}" if module in CORE else alias.name
                names[alias.asname or alias.name] = whole
    return names


def used(tree: ast.AST, names: dict[str, str]) -> Iterator[str]:
    """The functions of the core that are called, or handed on, as "module.function"."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id in names:
                yield f"{names[node.value.id]}.{node.attr}"
        elif isinstance(node, ast.Name) and "." in names.get(node.id, ""):
            yield names[node.id]


@cache
def functions() -> dict[str, tuple[bool, frozenset[str]]]:
    """Function of the core -> whether it writes by itself, and the others that it uses."""
    found = {}
    for module, path in CORE.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        defined = [n for n in tree.body if isinstance(n, ast.FunctionDef)]
        names = names_of(tree) | {each.name: f"{module}.{each.name}" for each in defined}
        for each in defined:
            attributes = {n.attr for n in ast.walk(each) if isinstance(n, ast.Attribute)}
            called = {n.id for n in ast.walk(each) if isinstance(n, ast.Name)}
            opened = any(
                isinstance(mode, ast.Constant) and mode.value in ("w", "wb", "a", "ab", "x")
                for n in ast.walk(each)
                if isinstance(n, ast.Call)
                for mode in (*n.args, *(keyword.value for keyword in n.keywords))
            )
            writes = bool((attributes | called) & WRITES) or opened
            found[f"{module}.{each.name}"] = writes, frozenset(used(each, names))
    return found


@cache
def changing() -> frozenset[str]:
    """Every function of the core that changes something, through others too."""
    known = {name for name, (writes, _) in functions().items() if writes} - set(HARMLESS)
    while True:
        more = {
            name
            for name, (_, uses) in functions().items()
            if name not in known and name not in HARMLESS and uses & known
        }
        if not more:
            return frozenset(known)
        known |= more


def changes_in(text: str) -> set[str]:
    tree = ast.parse(text)
    return set(used(tree, names_of(tree))) & changing()


def test_what_changes_something_is_found() -> None:
    assert {
        "run_requests.send",
        "run_folders.delete",
        "run_labels.write",
        "launcher.create_and_start",
        "launcher.resume",
        "launcher.fork",
        "chosen_data.choose",
        "chosen_data.forget_choice",
        "exclusions.write",
        "selections.save",
        "selections.remove",
        "corrections.write",
        "audit_job.start",
        "gate_job.start",
        "evaluation_job.start",
        "ensemble.make",
        "release.release",
        "report_2018.start",
        "report_2018.stop",
        "files.replace_file",
        "room.new_token",
    } <= changing()
    assert not changing() & {
        "run_folders.list_runs",
        "run_folders.read",
        "journal.metrics",
        "stored_models.find",
    }


def test_an_action_without_the_check_is_found() -> None:
    assert changes_in(
        "from fracture_core.runs import run_folders\nst.button('x', on_click=run_folders.delete)"
    )
    assert changes_in("from fracture_core.files import replace_file\nreplace_file(p, b'')")
    assert changes_in("from fracture_core.jobs import launcher as l\nl.resume(folder)")
    assert not changes_in("from fracture_core.runs import run_folders\nrun_folders.read(folder)")


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.relative_to(PROJECT).as_posix())
def test_pages_change_things_through_the_guarded_actions_alone(path: Path) -> None:
    if path.name == "actions.py":
        return
    text = path.read_text(encoding="utf-8")
    assert not changes_in(text), "call it through ui.actions, which asks whether this is the owner"
    tree = ast.parse(text)
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not attributes & WRITES, "no page writes by itself"
    for function, only in ONLY_IN.items():
        assert path.name == only or function not in set(used(tree, names_of(tree)))
    if path.name != "study_cache.py":
        assert "study_cache.rescan" not in text, "call actions.rescan"


def test_every_action_is_guarded() -> None:
    tree = ast.parse((PROJECT / "ui" / "shell" / "actions.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name not in (
            "errors_shown",
            "begin",
            "show_errors",
            "owners",
        ):
            decorators = [each.id for each in node.decorator_list if isinstance(each, ast.Name)]
            assert decorators == ["owners"] or node.name == "pressed", node.name
        elif isinstance(node, ast.Assign):
            name = node.targets[0]
            if isinstance(name, ast.Name) and not name.id.isupper():  # a constant does nothing
                assert isinstance(node.value, ast.Call) and node.value.func.id == "owners", name.id
    assert callable(actions.pressed)
