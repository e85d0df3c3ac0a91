"""Dates with times are of the zone of whoever brings or takes them, and pages say which that is."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import aclosing

import httpx
import pytest

from app.demo import PASSWORD
from tests.conftest import Server
from tests.records.test_definitions import add, change, form_of, make_tools, open_edit
from tests.records.test_kind_changes import refs_of

SAO_PAULO = "America/Sao_Paulo"


@pytest.fixture
async def ana(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    """An admin in São Paulo."""
    lives = "UPDATE member SET time_zone = ?, time_zone_known = true WHERE email = ?"
    server.store.rows(lives, SAO_PAULO, "ana@acme.test")
    async with aclosing(server.let_in("acme", "ana@acme.test")) as client:
        yield client


async def test_a_table_is_read_in_the_zone_of_who_imports_and_the_page_says_so(ana: httpx.AsyncClient) -> None:
    address, _, _ = await make_tools(ana, "Tools", label="Seen", kind="moment")
    said = f"Times without a time zone are read as {SAO_PAULO}"
    assert said in (await ana.get(f"{address}/import")).text
    table = "Title,Seen\nAxe,2021-12-26 00:30\nSaw,2021-12-26 00:30 UTC\n"
    preview = (await ana.post(f"{address}/import", data={"table": table})).text
    assert said in preview
    assert f"12/26/2021 00:30 {SAO_PAULO}" in preview
    done = await ana.post(f"{address}/import", data={"table": table, "seen": ""})
    assert done.status_code == 303
    page = (await ana.get(f"{address}/1")).text
    assert 'datetime="2021-12-26T03:30Z"' in page
    assert 'datetime="2021-12-26T00:30Z"' in (await ana.get(f"{address}/2")).text


async def test_nothing_is_said_of_zones_where_a_table_has_no_times_or_says_theirs(ana: httpx.AsyncClient) -> None:
    address, _, _ = await make_tools(ana, "Tools", label="Seen", kind="moment")
    said = "Times without a time zone"
    tables = {
        "Title\nAxe": False,
        "Title,Seen (Europe/Berlin)\nAxe,2021-12-26 00:30": False,
        "Title,Seen\nAxe,2021-12-26 00:30": True,
        "Title,Seen\nAxe,yesterday": True,
        '{"records": [{"values": {"title": "Axe", "seen": "2021-12-26T00:30Z"}}]}': False,
        '{"records": [{"values": {"title": "Axe", "seen": "2021-12-26 00:30"}}]}': True,
        '{"records": [{"values": {"title": "Axe", "seen": null}}, {"values": {}}]}': False,
    }
    for table, is_said in tables.items():
        answer = await ana.post(f"{address}/import", data={"table": table})
        assert (said in answer.text) == is_said, table


async def test_what_is_exported_and_imported_by_the_same_is_the_same(ana: httpx.AsyncClient) -> None:
    address, _, _ = await make_tools(ana, "Tools", label="Seen", kind="moment")
    table = "Title,Seen\nAxe,2021-12-26 00:30\n"
    await ana.post(f"{address}/import", data={"table": table, "seen": ""})
    exported = (await ana.get(f"{address}/export.csv")).text
    assert exported.splitlines() == [f'\ufeff"#","Title","Seen ({SAO_PAULO})"', "1,Axe,2021-12-26 00:30"]
    again = (await ana.post(f"{address}/import", data={"table": exported})).text
    assert re.search(r"0 records will be added,\s+0 will be changed,\s+1 will stay as it is", again)
    added = exported.replace("1,Axe", ",Saw")
    assert (await ana.post(f"{address}/import", data={"table": added, "seen": ""})).status_code == 303
    assert 'datetime="2021-12-26T03:30Z"' in (await ana.get(f"{address}/2")).text
    assert [each["values"]["seen"] for each in (await ana.get(f"{address}/export.json")).json()["records"]] == [
        "2021-12-26T03:30:00Z"
    ] * 2


async def test_a_default_is_of_the_zone_of_who_writes_it(ana: httpx.AsyncClient) -> None:
    address, _, seen = await make_tools(ana, "Tools", label="Seen", kind="moment", default="2025-03-01 08:00")
    assert 'value="2025-03-01T08:00"' in (await ana.get(f"{address}/new")).text
    await change(ana, address, seen, {"help": "When"})
    assert 'value="2025-03-01T08:00"' in (await ana.get(f"{address}/new")).text
    await change(ana, address, seen, {"default": "2025-03-01 09:00"})
    assert 'value="2025-03-01T09:00"' in (await ana.get(f"{address}/new")).text
    assert form_of((await ana.get(f"{address}/fields/{seen}")).text)["default"]


async def test_a_date_begins_at_midnight_of_who_gives_it_a_time_for_everybody(
    server: Server, ana: httpx.AsyncClient
) -> None:
    address, title, day = await make_tools(ana, "Tools", label="Day", kind="date")
    await add(ana, address, **{title: "Axe", day: "2026-02-28"})
    preview = (await ana.get(f"{address}/fields/{day}/kind?kind=moment")).text
    assert f"2/28/2026 00:00 {SAO_PAULO}" in preview
    assert (await ana.post(f"{address}/fields/{day}/kind", data={"kind": "moment"})).status_code == 303
    seen = refs_of((await ana.get(f"{address}/fields")).text)[1]
    await change(ana, address, seen, {"help": "When"})
    async with aclosing(server.let_in("acme", "bruno@acme.test")) as bruno:
        page = (await bruno.get(f"{address}/1")).text
        assert 'datetime="2026-02-28T03:00Z"' in page
        edited = await open_edit(bruno, f"{address}/1")
        assert (await bruno.post(f"{address}/1/edit", data={**edited, title: "Saw"})).status_code == 303
        restored = await bruno.post(f"{address}/1/revisions/1/restore", data={"version": "2"})
        assert restored.status_code == 303
        assert 'datetime="2026-02-28T03:00Z"' in (await bruno.get(f"{address}/1")).text
        assert "02-27" not in page
    assert (await ana.post(f"{address}/fields/{seen}/kind", data={"action": "undo"})).status_code == 303
    assert "Feb 28, 2026" in (await ana.get(f"{address}/1")).text


async def test_times_of_a_page_are_in_the_zone_of_whoever_reads_it_also_without_scripts(
    server: Server, ana: httpx.AsyncClient
) -> None:
    address, title, seen = await make_tools(ana, "Tools", label="Seen", kind="moment")
    await add(ana, address, **{title: "Axe", seen: "2021-12-26 00:30"})
    edited = await open_edit(ana, f"{address}/1")
    await ana.post(f"{address}/1/edit", data={**edited, title: "Axe", seen: "2022-07-01T21:30"})
    for path in (address, f"{address}/1"):
        assert "Jul 1, 2022, 9:30" in (await ana.get(path)).text, path
    page = (await ana.get(f"{address}/1")).text
    history = page.partition('class="history')[2]
    assert re.search(r"<del><time[^>]*>Dec 26, 2021, 12:30.AM</time></del>", history)
    assert " UTC" not in page, "also who has added it when"
    async with aclosing(server.let_in("acme", "bruno@acme.test")) as bruno:
        assert "2022-07-02 00:30 UTC" in (await bruno.get(address)).text, "whose zone nobody knows"
    pushed = server.store.rows("SELECT body FROM event WHERE body LIKE '%data-moment%'")
    assert pushed
    for (body,) in pushed:
        assert set(re.findall(r"data-moment>[^<]* ([^<]+)</time>", body)) == {"UTC"}, "as all get the same"


async def test_times_at_the_ends_of_the_calendar_stay_as_they_are(ana: httpx.AsyncClient) -> None:
    address, title, seen = await make_tools(ana, "Tools", label="Seen", kind="moment")
    await add(ana, address, **{title: "Axe", seen: "0001-01-01 00:30 UTC"})
    assert "0001-01-01 00:30 UTC</time>" in (await ana.get(address)).text


async def test_signing_in_brings_the_zone_of_who_has_none(server: Server) -> None:
    for zone, kept in (("Mars/Olympus", "UTC"), ("", "UTC"), ("Asia/Kathmandu", "Asia/Kathmandu")):
        async with aclosing(server.client("acme")) as visitor:
            typed = {"email": "bruno@acme.test", "password": PASSWORD, "time_zone": zone}
            assert (await visitor.post("/login", data=typed)).status_code == 303
        assert server.store.rows("SELECT time_zone FROM member WHERE email = 'bruno@acme.test'") == [(kept,)]
    async with aclosing(server.client("acme")) as visitor:
        assert (await visitor.post("/login", data={**typed, "time_zone": SAO_PAULO})).status_code == 303
    assert server.store.rows("SELECT time_zone FROM member WHERE email = 'bruno@acme.test'") == [("Asia/Kathmandu",)]


async def test_a_page_brings_the_zone_of_who_has_none_and_no_other_one_later(server: Server) -> None:
    async with aclosing(server.let_in("acme", "bruno@acme.test")) as bruno:
        assert " data-zone-unknown" in (await bruno.get("/")).text
        for zone in (SAO_PAULO, "Asia/Kathmandu"):
            told = await bruno.post("/account/time-zone", data={"by": "device", "time_zone": zone})
            assert told.status_code == 204
        assert " data-zone-unknown" not in (await bruno.get("/")).text
        assert f"<option selected>{SAO_PAULO}" in (await bruno.get("/account")).text
        assert (await bruno.post("/account/time-zone", data={"time_zone": "UTC"})).status_code == 303
        await bruno.post("/account/time-zone", data={"by": "device", "time_zone": SAO_PAULO})
        assert "<option selected>UTC" in (await bruno.get("/account")).text, "which they have chosen"
