"""Whose address the program sees behind proxies: the one that the nearest proxy of ours tells, and no made-up one."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from app.demo import PASSWORD
from app.settings import SettingsError, read_settings
from tests.conftest import Server, end_server, start_server
from tests.databases import Store


async def addresses_seen(server: Server, *forwarded: str) -> list[str]:
    """The address of a new session, in the log of what happened in the workspace."""
    async with server.client("acme") as client:
        headers = [("x-forwarded-for", value) for value in forwarded]
        answer = await client.post("/login", data={"email": "ana@acme.test", "password": PASSWORD}, headers=headers)
        assert answer.status_code == 303, answer.text
    return [
        server.store.rows("SELECT address FROM session ORDER BY id DESC LIMIT 1")[0][0],
        server.store.rows("SELECT address FROM audit_entry ORDER BY id DESC LIMIT 1")[0][0],
    ]


@pytest.mark.parametrize(
    ("trusted", "forwarded", "seen"),
    [
        ("127.0.0.0/8", ["203.0.113.7"], "203.0.113.7"),
        ("127.0.0.0/8", ["2001:db8::7"], "2001:db8::7"),
        ("127.0.0.0/8", ["198.51.100.1, 203.0.113.7"], "203.0.113.7"),
        ("127.0.0.0/8", ["198.51.100.1", "203.0.113.7"], "203.0.113.7"),
        ("127.0.0.1,10.7.0.0/16", ["198.51.100.1, 203.0.113.7, 10.7.0.2"], "203.0.113.7"),
        ("127.0.0.1 10.7.0.0/16", ["203.0.113.7, 10.7.0.2"], "203.0.113.7"),
        ("10.7.0.0/16", ["203.0.113.7"], "127.0.0.1"),
        ("127.0.0.1", ["<script>" + "x" * 2000], ""),
        ("127.0.0.1", ["fe80::1%" + "x" * 2000], "fe80::1"),
    ],
)
async def test_an_address_is_believed_of_our_proxies_alone(
    seeded: Store, tmp_path: Path, trusted: str, forwarded: list[str], seen: str
) -> None:
    server = start_server(seeded, tmp_path, FORWARDED_ALLOW_IPS=trusted)
    try:
        assert await addresses_seen(server, *forwarded) == [seen, seen]
    finally:
        end_server(server)


async def test_the_metrics_are_not_for_who_is_told_of_by_no_address(shared_server: Server) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{shared_server.port}") as client:
        for told in ("nobody", "203.0.113.7", "x" * 2000):
            assert (await client.get("/metrics", headers={"x-forwarded-for": told})).status_code == 404
        assert (await client.get("/metrics")).status_code == 200


@pytest.mark.parametrize("value", ["*", "proxy", "172.30.77.5/24", "127.0.0.1;10.0.0.1"])
def test_a_proxy_has_an_address(tmp_path: Path, value: str) -> None:
    with pytest.raises(SettingsError, match=r"^FORWARDED_ALLOW_IPS: "):
        read_settings({"DATA_DIR": str(tmp_path), "FORWARDED_ALLOW_IPS": value})
