"""Imports only go down the floors; templates and vendored files keep their rules."""

from __future__ import annotations

import ast
import functools
import hashlib
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

import pytest

APP = Path(__file__).parent.parent / "app"
FLOORS = {
    "cli": 7, "server": 7, "features": 7, "routes": 7, "demo": 7, "__main__": 7,
    "installation": 7, "reaching": 7, "lean_start": 7,
    "programs": 6, "gateway": 6, "webhooks": 6,
    "operators": 5, "records": 5, "chat": 5,
    "tenants": 4, "editing": 4, "notifications": 4, "guide": 4,
    "live": 3,
    "accounts": 2,
    "files": 1, "web": 1, "database": 1, "jobs": 1, "settings": 1, "mail": 1, "migration": 1, "data_dir": 1,
    "background": 1,
    "folding": 0,
}  # fmt: skip
GROUND = 1
MODULES = sorted(APP.rglob("*.py"))


def part_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


@functools.cache
def tree_of(path: Path) -> ast.Module:
    """A module, parsed once for all that is asked of it."""
    return ast.parse(path.read_text())


@functools.cache
def imports_of(path: Path) -> frozenset[str]:
    found: set[str] = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("app"):
            found.update(f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Import):
            found.update(name.name for name in node.names if name.name.startswith("app"))
    return frozenset(found)


def test_imports_only_go_down() -> None:
    for path in MODULES:
        here = path.relative_to(APP).parts[0].removesuffix(".py")
        if here == "__init__":
            continue
        for module in imports_of(path):
            there = part_of(module)
            if there in ("", here):
                continue
            assert there in FLOORS, f"say on which floor app/{there} is"
            lower = FLOORS[there] < FLOORS[here]
            beside = FLOORS[there] == FLOORS[here] and FLOORS[here] in (GROUND, max(FLOORS.values()))
            beside = beside and here != "database"  # which knows of nothing but what is below it
            assert lower or beside, f"{path.name} is in {here} and imports {module} from above or beside it"


# Which puts the pages of operators together, as they have a router of their own.
ROUTERS = {APP / "operators" / "pages" / "workspaces.py"}


def test_pages_import_no_other_pages() -> None:
    for path in MODULES:
        if path.parent.name == "pages" and path not in ROUTERS:
            for module in imports_of(path):
                assert ".pages." not in module, f"{path} imports {module}"


# What modules of a kind have alike: their logger, the routes of pages, what programs call, and a database's engine.
ALIKE = {"log", "handlers", "endpoints", "create_engine"}


def names_of(body: Sequence[ast.stmt]) -> Iterator[str]:
    """What is defined on the top level of a module, one of several at once and under a condition, too."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                yield from (each.id for each in ast.walk(target) if isinstance(each, ast.Name) and is_stored(each))
        elif isinstance(node, ast.If | ast.Try | ast.With):
            yield from names_of(node.body)
            yield from names_of(getattr(node, "orelse", []))


def is_stored(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Store)


def test_no_two_modules_call_something_by_the_same_name() -> None:
    modules: dict[str, set[str]] = {}
    for module in MODULES:
        for name in names_of(tree_of(module).body):
            modules.setdefault(name, set()).add(str(module.relative_to(APP)))
    assert {name: where for name, where in modules.items() if len(where) > 1 and name not in ALIKE} == {}


# What is more than a `Struct` has: parts that are not compared or shown, or are named where others are not, what is
# worked out once, and what tests change a part of; and what is one in a library.
DATA_CLASSES = {
    "Actor", "AgentTool", "ChannelFollowing", "FormShape", "Occasion", "Proof", "Right", "Settings", "StaticFile",
    "BringingOperation",
}  # fmt: skip


def test_values_are_structs_which_a_start_makes_in_no_time() -> None:
    """Python writes and compiles five functions for each data class, and there are 300 kinds of values."""
    found = {
        node.name
        for path in MODULES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ClassDef) and any("dataclass" in ast.unparse(each) for each in node.decorator_list)
    }
    assert found == DATA_CLASSES


def test_a_part_of_a_struct_is_made_anew_by_its_own_library() -> None:
    """The other one's `field` would itself be what every value of the kind has."""
    for path in MODULES:
        brought = {
            name.asname or name.name: node.module
            for node in tree_of(path).body
            if isinstance(node, ast.ImportFrom)
            for name in node.names
            if name.name == "field" and node.module in ("dataclasses", "msgspec")
        }
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ClassDef):
                wanted = "dataclasses" if node.name in DATA_CLASSES else "msgspec"
                for part in node.body:
                    called = (
                        part.value.func
                        if isinstance(part, ast.AnnAssign) and isinstance(part.value, ast.Call)
                        else None
                    )
                    if isinstance(called, ast.Name) and called.id in brought:
                        assert brought[called.id] == wanted, f"{path}: {node.name}"


# Modules that go past the ways of a library.
SHORTCUTS = [
    *(path for path in MODULES if path.parent.name == "fast" and path.name != "__init__.py"),
    APP / "live" / "writer.py",
]
SAYS = ("Earns", "Written against", "Tested by", "Used by")


def said_of(path: Path) -> dict[str, str]:
    """What the docstring of a shortcut says, a paragraph each."""
    paragraphs = " ".join((ast.get_docstring(tree_of(path)) or "").split("\n")).split("  ")
    named = (paragraph.partition(": ") for paragraph in paragraphs)
    return {name: rest.rstrip(".") for name, _, rest in named if name in SAYS}


@pytest.mark.parametrize("path", SHORTCUTS, ids=lambda path: str(path.relative_to(APP)))
def test_a_shortcut_past_a_library_says_what_it_earns_and_is_used_by_those_it_names(path: Path) -> None:
    """Whoever brings another version of a library looks whether it still holds; bench/shortcuts.py measures."""
    said = said_of(path)
    assert tuple(said) == SAYS
    assert re.search(r"\d", said["Earns"]), "no figure"
    for library in said["Written against"].split(", "):
        name, _, written = library.partition(" ")
        assert version(name) == written, f"{name} is another one: do {said['Tested by']} still hold?"
    assert all((APP.parent / each).is_file() for each in said["Tested by"].split(", "))
    module = "app." + ".".join(path.relative_to(APP).with_suffix("").parts)
    package, _, name = module.rpartition(".")
    users = {
        str(each.relative_to(APP))
        for each in MODULES
        if each != path
        and any(found == f"{package}.{name}" or found.startswith(f"{module}.") for found in imports_of(each))
    }
    assert users == set(said["Used by"].split(", "))


def test_only_the_database_floor_leaves_the_orm() -> None:
    for path in MODULES:
        if path.is_relative_to(APP / "database"):
            continue
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Call):
                called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                assert called not in ("connection", "exec_driver_sql", "text_clause"), f"{path}:{node.lineno}"


def test_templates_hold_nothing_that_the_content_policy_would_block() -> None:
    for path in sorted((APP / "templates").rglob("*.html")):
        source = path.read_text()
        assert "|safe" not in source.replace(" ", ""), path
        assert not re.search(r"""<script(?![^>]*\ssrc=)|\son[a-z]+=|hx-on""", source), path
        if path.parent.name != "mail" and 'extends "mail/' not in source:  # mail programs read no style sheets
            assert not re.search(r"""\sstyle=|<style""", source), path
        assert not re.search(r"""=\{\{""", source), f"{path}: an attribute without quotes"


def test_vendored_files_are_the_ones_that_were_checked() -> None:
    vendor = APP / "static" / "vendor"
    lines = (vendor / "CHECKSUMS.sha256").read_text().split("\n")
    sums = {name: digest for digest, _, name in (line.partition("  ") for line in lines if line)}
    for name, digest in sums.items():
        assert hashlib.sha256((vendor / name).read_bytes()).hexdigest() == digest, name
    assert {path.name for path in vendor.iterdir() if path.suffix in (".js", ".json", ".svg")} == sums.keys()


def test_what_a_transaction_is_told_is_an_attribute_or_an_argument_and_no_note_in_its_info() -> None:
    for path in sorted(APP.rglob("*.py")):
        found = re.findall(r"""transaction\.info(?:\[|\.\w+\()["'](\w+)""", path.read_text())
        assert found == [], path.name


def test_nothing_is_there_because_a_module_happened_to_be_imported() -> None:
    """What modules register is the same with what `app/features.py` imports as with everything."""
    script = """
import importlib, pkgutil, sys
import app.features

def registered(modules):
    found = {}
    for module in modules:
        for name, value in vars(sys.modules[module]).items():
            if name.isupper() and isinstance(value, dict | list | set):
                keys = value if isinstance(value, dict) else map(repr, value)
                lists = [each for each in getattr(value, "values", list)() if isinstance(each, list)]
                found[module, name] = sorted(map(repr, keys)), sorted(map(len, lists))
    return found

loaded = [name for name in sys.modules if name.startswith("app.")]
before = registered(loaded)
assert ("app.accounts.undo", "UNDO_KINDS") in before
for module in pkgutil.walk_packages(app.__path__, "app."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
after = registered(loaded)
print([name for name in before if before[name] != after[name]])
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=APP.parent, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_template_is_in_the_folder_of_the_package_that_renders_it() -> None:
    """What `live` has is for the pages of several."""
    for path in MODULES:
        package = path.relative_to(APP).parts[0]
        for folder in re.findall(r'"([a-z]+)/\w+(?:\.html|\.css|_mail)"', path.read_text()):
            assert folder in (package, "live"), f"{path.relative_to(APP)} renders a template of {folder}"
