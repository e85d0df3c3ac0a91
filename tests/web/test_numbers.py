"""Numbers in addresses and forms: as large as any id, and never so large that a page breaks."""

from __future__ import annotations

from contextlib import aclosing

import pytest

from app.web.forms import number_of
from tests.conftest import Server

LARGEST = "9" * 18


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("007", 7),
        ("2147483648", 2**31),
        (LARGEST, 10**18 - 1),
        ("1" + "0" * 18, 0),
        (str(2**63), 0),
        ("9" * 5000, 0),
        ("", 0),
        ("-1", 0),
        ("+1", 0),
        ("1_0", 0),
        (" 1", 0),
        ("1.0", 0),
        ("²", 0),
        ("١٢", 0),
    ],
)
def test_a_number_is_read_as_far_as_databases_hold_it_and_anything_else_is_none(text: str, number: int) -> None:
    assert number_of(text) == number


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/quick-switcher?q=²", 200),
        ("/quick-switcher?q=%23²", 200),
        (f"/quick-switcher?q={LARGEST}", 200),
        ("/discussion/record-" + "9" * 5000, 404),
        (f"/discussion/record-{LARGEST}", 404),
        ("/discussion/record-²", 404),
        (f"/c/books?page={LARGEST}", 200),
        (f"/notifications?page={LARGEST}", 200),
        (f"/chat/general?before={LARGEST}", 200),
        (f"/chat/general?after={LARGEST}", 200),
        (f"/chat/general?at={LARGEST}", 200),
        (f"/chat/general?reply={LARGEST}", 404),
        (f"/chat/search?q=book&author={LARGEST}&before={LARGEST}", 200),
        (f"/audit?who={LARGEST}&before={LARGEST}", 200),
    ],
)
async def test_no_number_in_an_address_breaks_a_page(shared_server: Server, path: str, status: int) -> None:
    async with aclosing(await shared_server.sign_in("acme", "ana@acme.test")) as ana:
        answer = await ana.get(path)
    assert answer.status_code == status


async def test_pages_go_on_beyond_the_billionth_row(server: Server) -> None:
    values = ", ".join(
        f"({number}, 1, 'member.left', 'entry {number}', '', '', '', '2026-01-01 00:00:00.000000')"
        for number in (4_000_000_001, 4_000_000_002)
    )
    server.store.rows(
        f"INSERT INTO audit_entry (id, tenant_id, what, subject, before, after, address, at) VALUES {values}"
    )
    async with aclosing(await server.sign_in("acme", "ana@acme.test")) as ana:
        older = (await ana.get("/audit?before=4000000002")).text
    assert ("entry 4000000001" in older, "entry 4000000002" in older) == (True, False)
