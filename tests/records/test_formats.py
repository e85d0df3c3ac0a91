"""What was typed while the workspace wrote numbers otherwise means what it meant then: `1.234` is another one in
Portuguese."""

from __future__ import annotations

import html
import re
from contextlib import aclosing

import httpx
import pytest

from tests.conftest import Server


async def switch(client: httpx.AsyncClient, locale: str) -> None:
    """Let the workspace write numbers and dates as a locale does."""
    typed = {"name": "Acme", "language": "en", "locale": locale, "session_days": "30"}
    assert (await client.post("/settings", data=typed)).status_code == 303


async def start(client: httpx.AsyncClient) -> tuple[str, str, str]:
    """A collection of weighed things with one that is on the scales: its address, and the refs of name and weight."""
    made = await client.post("/collections/new", data={"name": "Things", "first": "Name"})
    address = "/".join(made.headers["location"].split("/")[:3])
    await client.post(f"{address}/fields", data={"label": "Weight", "kind": "decimal"})
    name, weight = dict.fromkeys(re.findall(r'name="(f\d+)"', (await client.get(f"{address}/new")).text))
    assert (await client.post(f"{address}/new", data={name: "Scales", weight: "1.234"})).status_code == 303
    return address, name, weight


def form_in(page: str) -> dict[str, str]:
    """What the form of a record in a page would send."""
    inputs = re.findall(r"<input\b[^>]*>", page)
    named = [(re.search(r'\bname="([^"]*)"', each), re.search(r'\bvalue="([^"]*)"', each)) for each in inputs]
    sent = {name[1]: html.unescape(value[1]) if value else "" for name, value in named if name}
    return {
        name: value
        for name, value in sent.items()
        if re.fullmatch(r"f\d+|number-formats|version|lock-token|has.*|draft.*", name)
    }


async def read_weight(client: httpx.AsyncClient, address: str, number: int) -> str:
    exported = (await client.get(f"{address}/export.json")).json()
    (record,) = (each for each in exported["records"] if each["number"] == number)
    return str(record["values"]["weight"])


@pytest.mark.parametrize(
    ("typed", "kept"), [(None, "1.234"), ("2.5", "2.5"), ("3,125.5", "3125.5"), ("4.125", "4.125")]
)
async def test_a_form_that_was_open_is_read_as_it_was_written(server: Server, typed: str | None, kept: str) -> None:
    async with aclosing(server.let_in("acme", "ana@acme.test")) as ana:
        address, name, weight = await start(ana)
        form = form_in((await ana.get(f"{address}/1/edit")).text)
        assert (form["number-formats"], form[weight]) == ("en", "1.234")
        await switch(ana, "pt_BR")
        form |= {name: "Heavy scales"} | ({weight: typed} if typed else {})
        assert (await ana.post(f"{address}/1/edit", data=form)).status_code == 303
        assert await read_weight(ana, address, 1) == kept
        again = form_in((await ana.get(f"{address}/1/edit")).text)
        assert (again["number-formats"], again[weight]) == ("pt_BR", kept.replace(".", ","))


async def test_a_form_that_is_shown_again_is_in_the_formats_of_now(server: Server) -> None:
    async with aclosing(server.let_in("acme", "ana@acme.test")) as ana:
        address, name, weight = await start(ana)
        form = form_in((await ana.get(f"{address}/1/edit")).text)
        await switch(ana, "pt_BR")
        refused = await ana.post(f"{address}/1/edit", data={**form, name: "", weight: "1,234.5"})
        assert refused.status_code == 422
        again = form_in(refused.text)
        assert (again["number-formats"], again[weight]) == ("pt_BR", "1234,5")
        assert (await ana.post(f"{address}/1/edit", data={**again, name: "Scales"})).status_code == 303
        assert await read_weight(ana, address, 1) == "1234.5"


async def test_drafts_mean_what_they_meant(server: Server) -> None:
    async with aclosing(server.let_in("acme", "ana@acme.test")) as ana:
        address, name, weight = await start(ana)
        form = form_in((await ana.get(f"{address}/1/edit")).text)
        left = await ana.post(f"{address}/1/lock/release", data={**form, weight: "7.125"})
        assert left.status_code == 303
        new = form_in((await ana.get(f"{address}/new")).text)
        kept = await ana.post(f"{address}/new/draft", data={**new, name: "Balance", weight: "8.125"})
        assert kept.status_code == 204
        await switch(ana, "pt_BR")
        assert "7,125" in (await ana.get(f"{address}/1/draft")).text
        beside = (await ana.get(f"{address}/1/edit")).text
        assert "7,125" in beside
        assert "7.125" not in beside
        form = form_in((await ana.get(f"{address}/new")).text)
        assert (form["number-formats"], form[weight]) == ("pt_BR", "8,125")
        assert (await ana.post(f"{address}/new", data=form)).status_code == 303
        assert await read_weight(ana, address, 2) == "8.125"


@pytest.mark.parametrize("formats", ["", "nonsense", "xx_YY", "é" * 100, "pt_BR\0"])
async def test_a_locale_that_there_is_not_changes_nothing(server: Server, formats: str) -> None:
    async with aclosing(server.let_in("acme", "ana@acme.test")) as ana:
        address, name, weight = await start(ana)
        answer = await ana.post(f"{address}/new", data={name: "Balance", weight: "9.125", "number-formats": formats})
        assert answer.status_code == 303
        assert await read_weight(ana, address, 2) == ("9125" if formats == "pt_BR\0" else "9.125")
