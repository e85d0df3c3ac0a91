"""A field that won't do, or that somebody else has changed: what its page counts nobody waits for who writes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from app.database import Transaction
from app.records.collections import get_collection
from app.records.fields import list_fields
from tests.databases import Store
from tests.in_process import Program
from tests.sent_forms import read_form
from tests.web.test_seen_forms import fill_in

FIELDS = "/c/books/fields"


@pytest.fixture
def program(store: Store) -> Iterator[Program]:
    opened = Program(store, ("ana",))
    yield opened
    opened.close()


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """What has looked at all records, and whether it was in a transaction that writes."""
    found: list[tuple[str, bool]] = []

    def note(module: str, name: str) -> None:
        counts = getattr(__import__(module, fromlist=[name]), name)

        async def count(transaction: Transaction, *arguments: Any) -> Any:
            found.append((name, transaction.writes))
            return await counts(transaction, *arguments)

        monkeypatch.setattr(f"{module}.{name}", count)

    note("app.records.pages.fields", "count_lacking")
    note("app.records.pages.fields", "count_archived_choices")
    note("app.records.pages.kinds", "preview_kind")
    return found


def find_ref(program: Program, kind_name: str) -> str:
    async def find(transaction: Transaction) -> str:
        fields = await list_fields(transaction, await get_collection(transaction, "books"))
        return next(field.ref for field in fields if field.kind_name == kind_name)

    return program.read(find)


@pytest.mark.parametrize("theirs", ["", "Theirs"], ids=["refused", "changed by somebody else"])
def test_a_save_of_a_field_that_is_refused_counts_while_others_may_write(
    program: Program, counted: list[tuple[str, bool]], theirs: str
) -> None:
    page = f"{FIELDS}/{find_ref(program, 'choice')}"
    form = read_form(program.get("ana", page), "", "version")
    if theirs:
        assert program.ask("ana", "POST", page, data=fill_in(form, {"label": theirs})).status_code == 303
    counted.clear()
    answer = program.ask("ana", "POST", page, data=fill_in(form, {"label": "Mine" if theirs else ""}))
    assert answer.status_code == (409 if theirs else 422)
    assert (theirs or 'class="error"') in answer.text
    assert counted == [("count_lacking", False), ("count_archived_choices", False)]


def test_a_change_of_kind_that_comes_too_late_is_previewed_while_others_may_write(
    program: Program, counted: list[tuple[str, bool]]
) -> None:
    page = f"{FIELDS}/{find_ref(program, 'whole_number')}"
    form = read_form(program.get("ana", page), "", "version")
    assert program.ask("ana", "POST", page, data=fill_in(form, {"label": "Theirs"})).status_code == 303
    counted.clear()
    answer = program.post("ana", f"{page}/kind", kind="text", version=form["version"])
    assert answer.status_code == 409
    assert "Theirs" in answer.text
    assert counted == [("preview_kind", False)]
