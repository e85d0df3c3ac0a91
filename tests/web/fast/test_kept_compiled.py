"""What a start makes of templates, texts and other files is taken from where the start before has put it, and only if
it is of the same files."""

from __future__ import annotations

import marshal
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import babel
import jinja2
import pytest
from jinja2.loaders import DictLoader

from app.records.kinds.weights import CompactCollator
from app.web import assets, texts
from app.web.fast import kept_compiled
from app.web.fast.compiled_templates import OneLanguage
from app.web.fast.kept_compiled import KeptTemplates, find_folder, keep, keeping, load_kept, stamp_files


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
        (tmp_path / name).mkdir(parents=True)
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
    raise AssertionError("it was made anew")


def test_a_template_is_compiled_once_for_all_starts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compile_page("Here {{ who }}")
    monkeypatch.setattr(OneLanguage, "_generate", fail)
    assert make_environment({"page.html": "Here {{ who }}"}).get_template("page.html").render(who="you") == "Here you"


def test_nothing_is_written_while_a_process_serves(folder: Path) -> None:
    assert make_environment({"page.html": "Here {{ who }}"}).get_template("page.html").render(who="I") == "Here I"
    assert texts.read_translations("pt_BR").gettext("Delete") == "Excluir"
    assert not folder.exists()


def test_a_changed_template_is_compiled_anew(folder: Path) -> None:
    compile_page("Here")
    assert make_environment({"page.html": "There"}).get_template("page.html").render() == "There"


@pytest.mark.parametrize("left", [0, 4, 12, 33, 40, 60, 200, -1])
def test_what_is_not_whole_is_compiled_anew(folder: Path, left: int) -> None:
    with keeping():
        make_environment({"page.html": "Here"}).get_template("page.html")
        texts.read_translations("pt_BR")
    kept = list(folder.iterdir())
    assert len(kept) == 2
    for each in kept:
        each.write_bytes(each.read_bytes()[:left])
    assert make_environment({"page.html": "Here"}).get_template("page.html").render() == "Here"
    assert texts.read_translations("pt_BR").gettext("Delete") == "Excluir"


def test_what_is_kept_is_for_whoever_runs_the_program(folder: Path) -> None:
    keep_one()
    assert load_kept("page") == b"compiled"
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
    assert load_kept("page") is None


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


def test_modules_that_make_what_is_kept_are_among_what_went_in() -> None:
    modules = {each for each in kept_compiled.APP_FOLDER.rglob("*.py") if "load_kept" in each.read_text()}
    assert len(modules) == 4
    assert modules <= set(kept_compiled.list_files())


@pytest.mark.parametrize("library", [jinja2, babel])
def test_where_it_is_kept_says_which_version_of_a_library_made_it(
    program: Path, monkeypatch: pytest.MonkeyPatch, library: ModuleType
) -> None:
    before = find_folder()
    monkeypatch.setattr(library, "__version__", "99.0")
    assert find_folder() != before


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
    assert load_kept("page") == b"compiled"


def test_a_file_that_can_not_be_read_is_no_error(program: Path) -> None:
    (program / "templates" / "gone.html").symlink_to(program / "nowhere")
    keep_one()
    assert load_kept("page") == b"compiled"


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


def test_the_texts_are_those_of_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with keeping():
        compiled = [texts.read_translations("pt_BR")]
    monkeypatch.setattr(texts, "compile_texts", fail)
    compiled.append(texts.read_translations("pt_BR"))
    assert {each.gettext("Delete") for each in compiled} == {"Excluir"}


def test_the_version_of_static_files_is_made_once_for_all_starts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with keeping():
        made = assets.static_version.__wrapped__()
    monkeypatch.setattr(assets, "static_content", fail)
    assert assets.static_version.__wrapped__() == made
    assert assets.VERSION.fullmatch(made)


@pytest.fixture
def allkeys(tmp_path: Path) -> Path:
    """A table of weights with one letter, as the Unicode Consortium writes it."""
    table = tmp_path / "allkeys-99.0.0.txt"
    table.write_text("@implicitweights 17000..18AFF; FB00\n0061  ; [.1C47.0020.0002] # A\n")
    return table


def read_weights(table: Path) -> CompactCollator:
    """The table as a start reads it."""
    with keeping():
        return CompactCollator(str(table))


def test_the_order_of_texts_is_read_once_for_all_starts(
    folder: Path, allkeys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = read_weights(allkeys)
    monkeypatch.setattr(CompactCollator, "read_lines", fail)
    kept = read_weights(allkeys)
    assert kept.sort_key("a") == read.sort_key("a") == (0x1C47, 0, 0x20, 0, 2, 0)
    assert kept.implicit_weights == read.implicit_weights == [[0x17000, 0x18AFF, 0xFB00]]


def test_another_table_under_the_same_name_is_read_anew(folder: Path, allkeys: Path) -> None:
    read_weights(allkeys)
    allkeys.write_text(allkeys.read_text().replace("1C47", "1C48"))
    assert read_weights(allkeys).sort_key("a")[0] == 0x1C48


@pytest.mark.parametrize(
    "kept", [b"", b"no table", marshal.dumps(7), marshal.dumps(()), marshal.dumps(([], b"1", b"2"))]
)
def test_a_table_that_is_not_what_is_expected_is_read_anew_and_kept(folder: Path, allkeys: Path, kept: bytes) -> None:
    read_weights(allkeys)
    (name,) = (each.stem for each in folder.iterdir())
    with keeping():
        keep(name, kept)
    assert read_weights(allkeys).sort_key("a")[0] == 0x1C47
    written = load_kept(name)
    assert written is not None
    assert written != kept
