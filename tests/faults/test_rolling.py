"""Restarts behind the real proxy, under traffic: no request fails, nothing is lost, and pages come back level."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import websockets

from tests.conftest import RedisServer, Server, free_port
from tests.databases import Store
from tests.deploy.test_caddy import Proxy
from tests.faults.extent import times
from tests.faults.traffic import Traffic, traffic_on
from tests.server.test_workers import list_workers
from tests.waiting import until


@dataclass
class ProxiedServer(Server):
    """A server that people reach through the proxy."""

    proxy: Proxy | None = None

    def client(self, slug: str, **headers: str) -> httpx.AsyncClient:
        assert self.proxy
        return self.proxy.client(slug, **headers)

    def connect(self, slug: str, client: httpx.AsyncClient | None = None, **options: Any) -> websockets.connect:
        assert self.proxy
        host = f"{slug}.{self.proxy.base_host}"
        return websockets.connect(
            f"wss://{host}/live",
            host="127.0.0.1",
            port=self.proxy.https_port,
            ssl=self.proxy.trust(),
            server_hostname=host.partition(":")[0],
            origin=f"https://{host}",  # type: ignore[arg-type]
            additional_headers=options.pop("headers"),
            compression=None,
            proxy=None,
            **options,
        )


@pytest.fixture
def proxied(
    seeded: Store, tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer
) -> Iterator[ProxiedServer]:
    """Two workers behind Caddy."""
    data_dir = tmp_path_factory.mktemp("proxied")
    seeded.copy_to(data_dir)
    server = ProxiedServer(data_dir, free_port(), workers=2)
    proxy = server.proxy = Proxy(tmp_path_factory.mktemp("caddy"), server, free_port(), free_port())
    server.environment = {
        "BASE_URL": f"https://{proxy.base_host}",
        "SECRET_KEY": "0123456789abcdef" * 2,
        "REDIS_URL": redis_server.url,
    }
    server.start()
    try:
        proxy.start()
        yield server
    finally:
        if proxy.process:
            proxy.process.terminate()
            proxy.process.wait(20)
        if server.process and server.process.poll() is None:
            server.stop()
        server.store.drop()


async def replace_one_by_one(server: ProxiedServer, traffic: Traffic) -> None:
    """What a reload does: each worker serves before the one that it replaces has ended."""
    assert server.process is not None
    replaced = server.log.count("a worker was replaced")
    server.process.send_signal(signal.SIGHUP)
    await until(lambda: server.log.count("a worker was replaced") == replaced + server.workers, seconds=90)


async def replace_at_once(server: ProxiedServer, traffic: Traffic) -> None:
    """What Compose does: for some seconds nobody serves, and requests wait at the proxy."""
    await asyncio.to_thread(server.stop)
    await asyncio.to_thread(server.start)


async def test_restarts_behind_the_proxy_fail_no_request(proxied: ProxiedServer) -> None:
    rounds = times(1, 10)
    async with traffic_on(proxied) as traffic:
        for _ in range(rounds):
            for replace in (replace_one_by_one, replace_at_once):
                await traffic.more(10)
                await replace(proxied, traffic)
        await traffic.more(10)
    messages = traffic.check()
    assert (traffic.retries, traffic.refused) == (0, 0), "a request failed"
    assert all(page.hellos > 2 for page in traffic.pages)
    print(f"{rounds} times replaced one by one and at once; {messages} messages, none sent again;", end=" ")
    print(f"a page was cut {traffic.longest_cut():.1f} s at most")


async def test_the_proxy_goes_on_to_the_other_worker_when_one_is_killed(proxied: ProxiedServer) -> None:
    proxy = proxied.proxy
    assert proxy
    host = f"acme.{proxy.base_host}"
    head = f"POST /login HTTP/1.1\r\nHost: {host}\r\nOrigin: https://{host}\r\nContent-Length: 100\r\n\r\nemail="
    begun = []
    for _ in range(12):  # requests under way, on both workers
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", proxy.https_port, ssl=proxy.trust(), server_hostname="acme.hero.localhost"
        )
        writer.write(head.encode())
        await writer.drain()
        begun.append((reader, writer))
    async with proxy.client("acme") as client:
        assert (await client.get("/login")).status_code == 200
        os.kill(list_workers(proxied)[0], signal.SIGKILL)
        assert [(await client.get("/login")).status_code for _ in range(20)] == [200] * 20
    for _, writer in begun:
        writer.close()
