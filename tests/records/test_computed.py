"""Computed fields: written by the program with each change, shown and sorted like others, typed by nobody."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from typing import Any

import httpx
import pytest

from tests.conftest import Server
from tests.waiting import until

People = dict[str, httpx.AsyncClient]
KINDS = ("record_number", "created_at", "created_by", "changed_at", "changed_by")


@pytest.fixture
async def people(server: Server) -> AsyncIterator[People]:
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(aclosing(server.let_in("acme", f"{name}@acme.test")))
            for name in ("ana", "bruno")
        }


async def add_fields(ana: httpx.AsyncClient) -> dict[str, str]:
    """Give the books one of each; their refs."""
    for kind in KINDS:
        added = await ana.post("/c/books/fields", data={"label": kind, "kind": kind})
        assert added.status_code == 303, added.text
    found = re.findall(r'href="/c/books/fields/(f\d+)#', (await ana.get("/c/books/fields")).text)
    return dict(zip(KINDS, list(dict.fromkeys(found))[-len(KINDS) :], strict=True))


async def read_exported(client: httpx.AsyncClient, number: int) -> dict[str, Any]:
    """What an export says of a record."""
    exported = (await client.get("/c/books/export.json")).json()
    return next(each["values"] for each in exported["records"] if each["number"] == number)


async def test_who_added_and_changed_a_record_when_is_shown_and_nobody_types_it(people: People) -> None:
    ana, bruno = people["ana"], people["bruno"]
    refs = await add_fields(ana)
    form = (await ana.get("/c/books/new")).text
    assert not any(f'"{ref}"' in form for ref in refs.values())
    forged = {refs["created_by"]: "#3", refs["record_number"]: "9"}
    added = await ana.post("/c/books/new", data={"f1": "Iracema", **forged})
    assert added.headers["location"] == "/c/books/43"
    values = await read_exported(ana, 43)
    assert (values["record_number"], values["created_by"], values["changed_by"]) == (43, 1, 1)
    assert values["created_at"] == values["changed_at"]
    saved = await bruno.post("/c/books/43/edit", data={"f1": "Iracema", "f7": "Torn", "version": "1", **forged})
    assert saved.headers["location"] == "/c/books/43?done=saved"
    values = await read_exported(ana, 43)
    assert (values["record_number"], values["created_by"], values["changed_by"]) == (43, 1, 2)
    page = " ".join(re.sub("<[^>]+>", "", (await ana.get("/c/books/43")).text).split())
    assert "changed Notes Notes: Torn" in page
    assert "assigned Iracema" not in (await bruno.get("/notifications")).text
    same = await bruno.post("/c/books/43/edit", data={"f1": "Iracema", "f7": "Torn", "version": "2"})
    assert same.headers["location"] == "/c/books/43?done=unchanged"


async def test_records_that_are_there_get_them_too_and_are_sorted_by_them(people: People) -> None:
    ana = people["ana"]
    number = (await add_fields(ana))["record_number"]

    async def are_there() -> bool:
        page = (await ana.get(f"/c/books?sort={number}")).text
        values = await read_exported(ana, 42)
        return all(values[kind] for kind in KINDS) and re.findall(r'data-number="(\d+)"', page)[:2] == ["1", "2"]

    await until(are_there)
    assert (await read_exported(ana, 42))["record_number"] == 42
    page = (await ana.get(f"/c/books?sort=-{number}")).text
    assert re.findall(r'data-number="(\d+)"', page)[:3] == ["42", "41", "40"]
