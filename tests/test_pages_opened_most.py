"""Pages that are opened most, and a message, take few statements, and make nothing anew that is the same for all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from jinja2 import Template

from tests.databases import Store
from tests.in_process import Program
from tests.statements import noting_statements

# What each takes on SQLite, and on PostgreSQL, where a statement is a trip to the server and those that know nothing of
# each other are one. There a transaction's beginning and its end are two more.
MOST_STATEMENTS = {
    "/": (18, 5),
    "/c/books": (12, 6),
    "/c/books/5": (16, 6),
    "/chat/general": (23, 8),
    "/notifications": (15, 6),
}
MOST_OF_A_POST = (11, 6)


@pytest.fixture
def program(store: Store) -> Iterator[Program]:
    opened = Program(store, ("ana",))
    yield opened
    opened.close()


def most_of(program: Program, most: tuple[int, int]) -> int:
    return most[program.database.reader.dialect.name == "postgresql"]


@pytest.mark.parametrize("path", MOST_STATEMENTS)
def test_a_page_takes_few_statements(program: Program, path: str) -> None:
    program.get("ana", path)
    with noting_statements() as asked:
        program.get("ana", path)
    most = most_of(program, MOST_STATEMENTS[path])
    assert len(asked) <= most, "\n".join(words for words, _ in asked)


def test_a_message_takes_few_statements(program: Program) -> None:
    program.post("ana", "/chat/general", key="first", text="Hello")
    with noting_statements() as asked:
        program.post("ana", "/chat/general", key="second", text="Hello again")
    assert len(asked) <= most_of(program, MOST_OF_A_POST), "\n".join(words for words, _ in asked)


@pytest.mark.parametrize("path", MOST_STATEMENTS)
def test_macros_are_made_once_for_all_pages(program: Program, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    made: list[str | None] = []
    program.get("ana", path)
    monkeypatch.setattr(Template, "make_module", lambda self, *_, **__: made.append(self.name))
    program.get("ana", path)
    assert made == []
