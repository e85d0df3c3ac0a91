"""An import is written as its preview has shown it, or shown anew."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from contextlib import aclosing

import httpx
import pytest

from tests.conftest import Server

CHANGED = "have changed since the preview"


@pytest.fixture
async def ana(shared_server: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with aclosing(shared_server.let_in("acme", "ana@acme.test")) as client:
        yield client


def confirm(preview: httpx.Response) -> dict[str, str]:
    """What the form of a preview sends."""
    table = re.search(r'name="table"[^>]*>\n(.*?)</textarea>', preview.text, re.DOTALL)
    hidden = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', preview.text))
    assert table
    return {"table": html.unescape(table[1]), **{name: hidden[name] for name in ("seen", "definition", "form-key")}}


async def make_collection(ana: httpx.AsyncClient, name: str) -> str:
    made = await ana.post("/collections/new", data={"name": name, "first": "Title"})
    address = made.headers["location"].partition("?")[0].removesuffix("/fields")
    for label in ("Price", "Code"):
        assert (await ana.post(f"{address}/fields", data={"kind": "text", "label": label})).status_code == 303
    return address


def read_values(server: Server, address: str) -> list[str]:
    counted = "SELECT r.values FROM record r JOIN collection c ON c.id = r.collection_id WHERE c.slug = ?"
    return [str(row[0]) for row in server.store.rows(counted.replace("r.values", 'r."values"'), address[3:])]


async def change_field(ana: httpx.AsyncClient, address: str, key: str, **typed: str) -> None:
    page = (await ana.get(f"{address}/fields/{key}")).text
    version = re.search(r'name="version" value="(\d+)"', page)
    done = await ana.post(
        f"{address}/fields/{key}",
        data={"kind": "text", "key": key, **typed, **({"version": version[1]} if version else {})},
    )
    assert done.status_code == 303, done.text


@pytest.mark.parametrize("how", ["names are swapped", "a type is changed", "one is added"])
async def test_fields_that_changed_meanwhile_are_shown_anew_and_nothing_is_written(
    shared_server: Server, ana: httpx.AsyncClient, how: str
) -> None:
    address = await make_collection(ana, f"Import where {how}")
    preview = await ana.post(f"{address}/import", data={"table": "Title;Price;Code\nDrill;100;x1"})
    assert preview.status_code == 200
    form = confirm(preview)
    if how == "names are swapped":
        await change_field(ana, address, "price", label="Was price")
        await change_field(ana, address, "code", label="Price")
        await change_field(ana, address, "price", label="Code")
    elif how == "a type is changed":
        changed = await ana.post(f"{address}/fields/price/kind", data={"kind": "whole_number", "confirmed": "yes"})
        assert changed.status_code == 303, changed.text
    else:
        assert (await ana.post(f"{address}/fields", data={"kind": "text", "label": "More"})).status_code == 303
    refused = await ana.post(f"{address}/import", data=form)
    assert refused.status_code == 409
    assert CHANGED in html.unescape(refused.text)
    assert read_values(shared_server, address) == []
    assert confirm(refused)["definition"] != form["definition"]
    assert (await ana.post(f"{address}/import", data=confirm(refused))).status_code == 303
    assert len(read_values(shared_server, address)) == 1


async def test_a_preview_of_another_time_zone_is_shown_anew(shared_server: Server, ana: httpx.AsyncClient) -> None:
    address = await make_collection(ana, "Import in another zone")
    form = confirm(await ana.post(f"{address}/import", data={"table": "Title;Price\nDrill;1.234"}))
    ((before,),) = shared_server.store.rows("SELECT time_zone FROM member WHERE email = 'ana@acme.test'")
    shared_server.store.rows("UPDATE member SET time_zone = 'Asia/Tokyo' WHERE email = 'ana@acme.test'")
    try:
        assert (await ana.post(f"{address}/import", data=form)).status_code == 409
        assert read_values(shared_server, address) == []
    finally:
        shared_server.store.rows("UPDATE member SET time_zone = ? WHERE email = 'ana@acme.test'", before)


async def test_what_was_shown_is_written(shared_server: Server, ana: httpx.AsyncClient) -> None:
    address = await make_collection(ana, "Import as it was shown")
    form = confirm(await ana.post(f"{address}/import", data={"table": "Title;Price\nDrill;100"}))
    assert (await ana.post(f"{address}/import", data=form)).status_code == 303
    assert len(read_values(shared_server, address)) == 1
