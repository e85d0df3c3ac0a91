"""Monitors ask by HEAD."""

from __future__ import annotations

from tests.conftest import Server


async def test_head_is_get_without_the_body(shared_server: Server) -> None:
    async with shared_server.client("acme") as client:
        got, asked = await client.get("/login"), await client.head("/login")
        assert (asked.status_code, asked.content) == (200, b"")
        assert asked.headers["content-type"] == got.headers["content-type"]
        assert (await client.head("/nowhere")).status_code == 404
