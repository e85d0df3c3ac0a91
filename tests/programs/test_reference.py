"""The reference of the API: a page for members, made from the OpenAPI document."""

from __future__ import annotations

import re
from contextlib import aclosing

import pytest

from tests.conftest import Server
from tests.programs.described import OPERATIONS

ANA, CARLA = "ana@acme.test", "carla@acme.test"


async def test_the_reference_leads_to_every_call_and_says_all_that_is_known(shared_server: Server) -> None:
    async with aclosing(shared_server.let_in("acme", CARLA)) as client:
        index = await client.get("/api/docs")
        assert index.status_code == 200
        assert "default-src 'none'" in index.headers["content-security-policy"]
        led_to = re.findall(r'href="/api/docs/(\w+)"', index.text)
        assert sorted(led_to) == sorted(operation["operationId"] for _, _, operation in OPERATIONS)
        for path, _, operation in OPERATIONS:
            page = await client.get(f"/api/docs/{operation['operationId']}")
            assert page.status_code == 200, path
            assert operation["x-scope"] in page.text
            for status in operation["responses"]:
                assert status in page.text
            for parameter in operation["parameters"]:
                assert f"<code>{parameter['name']}</code>" in page.text
            assert not re.search(r'src="(?!/)', page.text), "nothing comes from elsewhere"
        assert (await client.get("/api/docs/nothing")).status_code == 404


async def test_a_call_is_shown_with_what_to_type(shared_server: Server) -> None:
    async with aclosing(shared_server.let_in("acme", CARLA)) as client:
        page = (await client.get("/api/docs/change_record")).text
        assert "curl -X PATCH" in page
        assert f"{shared_server.host('acme')}/api/v1/collections/books/records/42" in page
        assert "<code>values</code>" in page
        assert "-T plan.pdf" in (await client.get("/api/docs/bring_room_file")).text


async def test_it_is_for_who_is_signed_in(shared_server: Server) -> None:
    async with aclosing(shared_server.client("acme")) as stranger:
        for path in ("/api/docs", "/api/docs/list_collections"):
            answer = await stranger.get(path)
            assert answer.status_code == 303
            assert answer.headers["location"].startswith("/login")
        described = await stranger.get("/api/v1/openapi.json")
        assert described.json()["openapi"].startswith("3.1")


@pytest.mark.parametrize("path", ["/api/docs", "/api/docs/change_record"])
async def test_it_is_in_the_language_of_the_workspace(server: Server, path: str) -> None:
    server.store.rows("UPDATE tenant SET language = 'pt_BR' WHERE slug = 'acme'")
    async with aclosing(server.let_in("acme", ANA)) as client:
        page = (await client.get(path)).text
        assert "Referência da API" in page
        assert 'lang="en"' in page, "what is in English says so"
