"""What templates and texts are compiled to is taken from where the start before has put it, and only if it is of the
same files."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from jinja2.loaders import DictLoader

from app.web import templates
from app.web.fast import kept_compiled
from app.web.fast.compiled_templates import OneLanguage
from app.web.fast.kept_compiled import KeptTemplates, compiled_folder, find_compiled, keep


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own for what is compiled, into which the program may write."""
    made = tmp_path / "__pycache__" / "compiled-0123456789abcdef"
    monkeypatch.setattr(kept_compiled, "compiled_folder", lambda: made)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    return made


def make_environment(templates: dict[str, str]) -> OneLanguage:
    return OneLanguage(loader=DictLoader(templates), bytecode_cache=KeptTemplates("en"))


def fail(*_: object) -> None:
    raise AssertionError("a template was compiled")


def test_a_template_is_compiled_once_for_all_starts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert make_environment({"page.html": "Here {{ who }}"}).get_template("page.html").render(who="I") == "Here I"
    monkeypatch.setattr(OneLanguage, "_generate", fail)
    assert make_environment({"page.html": "Here {{ who }}"}).get_template("page.html").render(who="you") == "Here you"


def test_a_changed_template_is_compiled_anew(folder: Path) -> None:
    make_environment({"page.html": "Here"}).get_template("page.html")
    assert make_environment({"page.html": "There"}).get_template("page.html").render() == "There"


def test_what_can_not_be_read_is_compiled_anew(folder: Path) -> None:
    make_environment({"page.html": "Here"}).get_template("page.html")
    (kept,) = folder.iterdir()
    kept.write_bytes(b"none")
    assert make_environment({"page.html": "Here"}).get_template("page.html").render() == "Here"


def test_what_is_kept_is_for_whoever_runs_the_program(folder: Path) -> None:
    keep("page", b"compiled")
    assert find_compiled("page") == b"compiled"
    assert [each.stat().st_mode & 0o777 for each in (folder, folder / "page.pyc")] == [0o755, 0o644]


def test_what_other_versions_have_kept_is_removed(folder: Path) -> None:
    other = folder.parent / "compiled-fedcba9876543210"
    other.mkdir(parents=True)
    (other / "page.pyc").write_bytes(b"")
    keep("page", b"compiled")
    assert [each.name for each in folder.parent.iterdir()] == [folder.name]


def test_nothing_is_written_where_python_writes_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    keep("page", b"compiled")
    assert not folder.exists()


def test_a_folder_that_may_not_be_written_is_no_error(folder: Path) -> None:
    folder.parent.write_bytes(b"a file")
    keep("page", b"compiled")
    assert find_compiled("page") is None


def test_where_it_is_kept_says_all_that_went_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_compiled, "APP_FOLDER", tmp_path)
    for name in kept_compiled.COMPILED_FROM:
        (tmp_path / name).mkdir()
    found = set()
    for name in kept_compiled.COMPILED_FROM:
        (tmp_path / name / "one").write_text("a text")
        found.add(compiled_folder.__wrapped__())
        (tmp_path / name / "one").write_text("another one")
        found.add(compiled_folder.__wrapped__())
    assert len(found) == 2 * len(kept_compiled.COMPILED_FROM)


def test_each_language_has_its_own(folder: Path) -> None:
    for language in ("en", "pt_BR"):
        OneLanguage(loader=DictLoader({"a": ""}), bytecode_cache=KeptTemplates(language)).get_template("a")
    assert len({each.name.partition("-")[0] for each in folder.iterdir()}) == 2


def test_the_texts_are_those_of_the_file(folder: Path) -> None:
    compiled = [templates.translations.__wrapped__("pt_BR") for _ in range(2)]
    assert compiled[0].gettext("Delete") == compiled[1].gettext("Delete") == "Excluir"
    assert (folder / "texts-pt_BR.pyc").exists()
