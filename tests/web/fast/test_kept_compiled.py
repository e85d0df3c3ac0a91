"""What templates and texts are compiled to is taken from where the start before has put it, and only if it is of the
same files."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from jinja2.loaders import DictLoader

from app.web import templates
from app.web.fast import kept_compiled
from app.web.fast.compiled_templates import OneLanguage
from app.web.fast.kept_compiled import KeptTemplates, find_compiled, find_folder, keep, keeping, stamp_files


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own for what is compiled, into which the program may write."""
    made = tmp_path / "__pycache__" / "compiled-0123456789abcdef"
    for name in ("compiled_folder", "find_folder"):
        monkeypatch.setattr(kept_compiled, name, lambda: made)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    return made


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files of a program, with which a process has just begun."""
    for name in kept_compiled.COMPILED_FROM:
        (tmp_path / name).mkdir()
    (tmp_path / "templates" / "page.html").write_text("a text")
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    begin_process(tmp_path, monkeypatch)
    return tmp_path


def begin_process(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a process began now."""
    kept_compiled.compiled_folder.cache_clear()
    monkeypatch.setattr(kept_compiled, "APP_FOLDER", program)
    monkeypatch.setattr(kept_compiled, "STAMPS", stamp_files())


@pytest.fixture(autouse=True)
def own_folder_again() -> Iterator[None]:
    yield
    kept_compiled.compiled_folder.cache_clear()


def make_environment(templates: dict[str, str]) -> OneLanguage:
    return OneLanguage(loader=DictLoader(templates), bytecode_cache=KeptTemplates("en"))


def compile_page(source: str) -> None:
    """Compile a template to be kept."""
    with keeping():
        make_environment({"page.html": source}).get_template("page.html")


def keep_one(content: bytes = b"compiled") -> None:
    with keeping():
        keep("page", content)


def list_kept(program: Path) -> list[str]:
    return [each.name for each in program.glob("**/compiled-*")]


def fail(*_: object) -> None:
    raise AssertionError("a template was compiled")


def test_a_template_is_compiled_once_for_all_starts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compile_page("Here {{ who }}")
    monkeypatch.setattr(OneLanguage, "_generate", fail)
    assert make_environment({"page.html": "Here {{ who }}"}).get_template("page.html").render(who="you") == "Here you"


def test_nothing_is_written_while_a_process_serves(folder: Path) -> None:
    assert make_environment({"page.html": "Here {{ who }}"}).get_template("page.html").render(who="I") == "Here I"
    assert templates.read_translations("pt_BR").gettext("Delete") == "Excluir"
    assert not folder.exists()


def test_a_changed_template_is_compiled_anew(folder: Path) -> None:
    compile_page("Here")
    assert make_environment({"page.html": "There"}).get_template("page.html").render() == "There"


@pytest.mark.parametrize("left", [0, 4, 12, 33, 40, 60, 200, -1])
def test_what_is_not_whole_is_compiled_anew(folder: Path, left: int) -> None:
    with keeping():
        make_environment({"page.html": "Here"}).get_template("page.html")
        templates.read_translations("pt_BR")
    kept = list(folder.iterdir())
    assert len(kept) == 2
    for each in kept:
        each.write_bytes(each.read_bytes()[:left])
    assert make_environment({"page.html": "Here"}).get_template("page.html").render() == "Here"
    assert templates.read_translations("pt_BR").gettext("Delete") == "Excluir"


def test_what_is_kept_is_for_whoever_runs_the_program(folder: Path) -> None:
    keep_one()
    assert find_compiled("page") == b"compiled"
    assert [each.stat().st_mode & 0o777 for each in (folder, folder / "page.pyc")] == [0o755, 0o644]


def test_what_versions_before_have_kept_is_removed_and_nothing_newer(folder: Path) -> None:
    before, newer = (folder.with_name(f"compiled-{each}") for each in ("before", "newer"))
    for other in (before, newer):
        other.mkdir(parents=True)
        (other / "page.pyc").write_bytes(b"")
    os.utime(before, (0, 0))
    keep_one()
    assert {each.name for each in folder.parent.iterdir()} == {folder.name, newer.name}


def test_nothing_is_written_where_python_writes_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    keep_one()
    assert not folder.exists()


def test_a_folder_that_may_not_be_written_is_no_error(folder: Path) -> None:
    folder.parent.write_bytes(b"a file")
    keep_one()
    assert find_compiled("page") is None


def test_nothing_of_a_start_that_failed_is_kept(folder: Path) -> None:
    with pytest.raises(LookupError), keeping():
        keep("page", b"compiled")
        raise LookupError
    keep("other", b"compiled")
    assert not folder.exists()


def test_where_it_is_kept_says_all_that_went_in(program: Path) -> None:
    found = set()
    for name in kept_compiled.COMPILED_FROM:
        (program / name / "one").write_text("a text")
        found.add(find_folder())
        (program / name / "one").write_text("another one")
        found.add(find_folder())
    assert len(found) == 2 * len(kept_compiled.COMPILED_FROM)


def test_what_is_compiled_of_a_file_that_changes_meanwhile_is_not_kept(
    program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = program / "templates" / "page.html"
    with keeping():
        page.write_text("an edit")
        keep("page", page.read_bytes())
        page.write_text("a text")  # taken back
    assert list_kept(program) == []
    page.write_text("the next version")
    keep_one()
    assert list_kept(program) == []
    begin_process(program, monkeypatch)
    keep_one()
    assert list_kept(program) == [find_folder().name]
    assert find_compiled("page") == b"compiled"


def test_a_file_that_can_not_be_read_is_no_error(program: Path) -> None:
    (program / "templates" / "gone.html").symlink_to(program / "nowhere")
    keep_one()
    assert find_compiled("page") == b"compiled"


def test_a_worker_of_the_version_before_leaves_what_was_compiled_alone(
    program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_one()
    old, stamps = kept_compiled.compiled_folder(), kept_compiled.STAMPS
    (program / "templates" / "page.html").write_text("the next version")
    begin_process(program, monkeypatch)
    keep_one(b"newer")
    newer = kept_compiled.compiled_folder()
    monkeypatch.setattr(kept_compiled, "compiled_folder", lambda: old)
    monkeypatch.setattr(kept_compiled, "STAMPS", stamps)
    keep_one(b"of the version before")
    assert (newer / "page.pyc").read_bytes().endswith(b"newer")
    assert not (old / "page.pyc").exists() or (old / "page.pyc").read_bytes().endswith(b"compiled")


def test_each_language_has_its_own(folder: Path) -> None:
    with keeping():
        for language in ("en", "pt_BR"):
            OneLanguage(loader=DictLoader({"a": ""}), bytecode_cache=KeptTemplates(language)).get_template("a")
    assert len({each.name.partition("-")[0] for each in folder.iterdir()}) == 2


def test_the_texts_are_those_of_the_file(folder: Path) -> None:
    with keeping():
        compiled = [templates.read_translations("pt_BR") for _ in range(2)]
    compiled.append(templates.read_translations("pt_BR"))
    assert {each.gettext("Delete") for each in compiled} == {"Excluir"}
    assert (folder / "texts-pt_BR.pyc").exists()
