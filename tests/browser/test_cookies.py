"""Cookies that a sibling workspace's page can set: they lock nobody out."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Server


@pytest.mark.sqlite
async def test_a_browser_with_a_doubled_session_gets_rid_of_it(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    await ana.context.add_cookies(
        [
            {"name": "session", "value": "planted", "domain": ".hero.localhost", "path": "/c"},
            {"name": "é", "value": "1", "domain": ".hero.localhost", "path": "/"},
        ]
    )
    refused = await ana.page.goto(f"{ana.origin}/c/books")
    assert refused.status == 400
    assert [one["name"] for one in await ana.context.cookies()] == ["é"]
    answer = await ana.page.goto(f"{ana.origin}/login")
    assert answer.status == 200


@pytest.mark.sqlite
@pytest.mark.parametrize("count", [9, 20])
async def test_a_browser_whose_cookies_are_too_many_gets_rid_of_them(
    shared_server: Server, person: Any, count: int
) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    await ana.context.add_cookies(
        [
            {"name": f"planted{number}", "value": "x" * 3900, "domain": ".hero.localhost", "path": "/"}
            for number in range(count)
        ]
    )
    assert not (await ana.page.goto(f"{ana.origin}/login")).ok
    answer = await ana.page.goto(f"{ana.origin}/login")
    assert answer.status == 200
    assert await ana.context.cookies() == []
