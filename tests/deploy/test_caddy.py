"""The real proxy with the file that is deployed, in front of the real program: TLS, sockets, limits, restarts."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import websockets

from app.demo import PASSWORD
from app.reaching import Fault, dial
from tests.conftest import ROOT, Server, end_server, free_port
from tests.databases import Store
from tests.waiting import until

CADDY = Path(sys.executable).parent / "caddy"


@dataclass
class Proxy:
    """Caddy with `deploy/Caddyfile`, certificates by its own authority, in front of one server."""

    data_dir: Path
    server: Server
    http_port: int
    https_port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def base_host(self) -> str:
        return f"hero.localhost:{self.https_port}"

    def start(self) -> None:
        worker = {"HOST": "127.0.0.1", "PORT": str(self.server.port)}
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.data_dir),
            "XDG_DATA_HOME": str(self.data_dir),
            "XDG_CONFIG_HOME": str(self.data_dir),
            "CADDY_ADMIN": "off",
            "HTTP_PORT": str(self.http_port),
            "HTTPS_PORT": str(self.https_port),
            "BASE_HOST": "hero.localhost",
            "TLS": "local",
            **{f"WEB_{name}": value for name, value in worker.items()},
            **{f"LIVE_{name}": value for name, value in worker.items()},
        }
        with (self.data_dir / "caddy.log").open("ab") as log:
            self.process = subprocess.Popen(
                [CADDY, "run", "--config", ROOT / "deploy" / "Caddyfile", "--adapter", "caddyfile"],
                env=environment,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self.process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.https_port)) == 0 and self.authority.exists():
                    return
            time.sleep(0.05)
        raise RuntimeError((self.data_dir / "caddy.log").read_text())

    @property
    def authority(self) -> Path:
        return self.data_dir / "caddy" / "pki" / "authorities" / "local" / "root.crt"

    @asynccontextmanager
    async def dialled(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """A connection of a client to acme."""
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.https_port, ssl=self.trust(), server_hostname="acme.hero.localhost"
        )
        yield reader, writer
        writer.transport.abort()

    def trust(self) -> ssl.SSLContext:
        """TLS as strict as a browser's, with Caddy's own authority as the one that is trusted."""
        return ssl.create_default_context(cafile=str(self.authority))

    def client(self, slug: str, **headers: str) -> httpx.AsyncClient:
        host = f"{slug}.{self.base_host}" if slug else self.base_host
        transport = Named(host.partition(":")[0], verify=self.trust())
        return httpx.AsyncClient(
            transport=transport,
            base_url=f"https://127.0.0.1:{self.https_port}",
            headers={"host": host, "origin": f"https://{host}", **headers},
            timeout=30,
        )

    async def sign_in(self) -> httpx.AsyncClient:
        client = self.client("acme")
        answer = await client.post("/login", data={"email": "ana@acme.test", "password": PASSWORD})
        assert answer.status_code == 303, answer.text
        client.headers["cookie"] = answer.headers["set-cookie"].partition(";")[0]
        return client


class Named(httpx.AsyncHTTPTransport):
    """Dials an address, and asks for a host by its name in the handshake."""

    def __init__(self, name: str, verify: ssl.SSLContext) -> None:
        super().__init__(verify=verify)
        self.name = name

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.extensions["sni_hostname"] = self.name
        return await super().handle_async_request(request)


@pytest.fixture(scope="module")
def proxy(seeded: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    assert CADDY.exists(), "Caddy is missing: it comes with requirements-dev.txt"
    data_dir = tmp_path_factory.mktemp("proxied")
    seeded.copy_to(data_dir)
    server = Server(data_dir, free_port())
    made = Proxy(tmp_path_factory.mktemp("caddy"), server, free_port(), free_port())
    server.environment = {"BASE_URL": f"https://{made.base_host}", "SECRET_KEY": "0123456789abcdef" * 2}
    server.start()
    try:
        made.start()
        yield made
    finally:
        if made.process:
            made.process.terminate()
            made.process.wait(20)
        end_server(server)


async def test_pages_come_over_tls_with_a_cookie_of_this_host_alone(proxy: Proxy) -> None:
    async with proxy.client("") as client:
        assert "Mutirão" in (await client.get("/")).text
    async with proxy.client("acme") as client:
        answer = await client.post("/login", data={"email": "ana@acme.test", "password": PASSWORD})
    assert answer.headers["set-cookie"].startswith("__Host-session=")
    assert "Secure" in answer.headers["set-cookie"]
    assert "max-age=" in answer.headers["strict-transport-security"]


async def test_plain_http_leads_to_https(proxy: Proxy) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.get(
            f"http://127.0.0.1:{proxy.http_port}/c/books", headers={"host": f"acme.hero.localhost:{proxy.http_port}"}
        )
    assert answer.status_code == 308
    assert answer.headers["location"].startswith("https://acme.hero.localhost")


@pytest.mark.parametrize("slug", ["nobody", "a.acme", "xn--acme"])
async def test_a_workspace_that_does_not_exist_gets_no_certificate(proxy: Proxy, slug: str) -> None:
    async with proxy.client(slug) as client:
        with pytest.raises(httpx.ConnectError, match=r"alert internal error|tlsv1"):
            await client.get("/")


@pytest.mark.parametrize(
    ("domain", "status"),
    [
        ("hero.localhost", 200),
        ("acme.hero.localhost", 200),
        ("ACME.hero.localhost", 200),
        ("nobody.hero.localhost", 404),
        ("a.acme.hero.localhost", 404),
        ("acme.evil.example", 404),
        ("", 404),
        ("\0", 404),
        ("x" * 5000, 404),
    ],
)
async def test_only_hosts_of_this_installation_may_have_a_certificate(proxy: Proxy, domain: str, status: int) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{proxy.server.port}") as client:
        assert (await client.get("/certificate", params={"domain": domain})).status_code == status


@pytest.mark.parametrize("path", ["/metrics", "/certificate?domain=acme.hero.localhost"])
async def test_what_is_for_operators_does_not_come_through(proxy: Proxy, path: str) -> None:
    async with proxy.client("") as client:
        assert (await client.get(path)).status_code == 404


async def test_a_change_comes_over_the_socket(proxy: Proxy) -> None:
    client = await proxy.sign_in()
    async with websockets.connect(
        f"wss://acme.{proxy.base_host}/live",
        host="127.0.0.1",
        port=proxy.https_port,
        ssl=proxy.trust(),
        server_hostname="acme.hero.localhost",
        origin=f"https://acme.{proxy.base_host}",
        additional_headers={"cookie": client.headers["cookie"]},
        compression=None,
        proxy=None,
    ) as live:
        await live.send(json.dumps({"sub": "collection.1", "last": 0, "n": 1}))
        async with asyncio.timeout(20):
            while "<!--@1" not in str(await live.recv()):  # it follows from here on
                pass
            made = await client.post("/c/books/new", data={"title": "Through the proxy", "author": "A. Nobody"})
            assert made.status_code == 303
            while "Through the proxy" not in str(await live.recv()):
                pass
    await client.aclose()


async def test_the_program_sees_the_address_of_who_asks_and_not_one_that_is_made_up(proxy: Proxy) -> None:
    made_up = {"x-forwarded-for": "203.0.113.7", "x-request-id": "made-up-by-a-client"}
    async with proxy.client("acme", **made_up) as client:
        answer = await client.post("/login", data={"email": "bruno@acme.test", "password": PASSWORD})
        client.headers["cookie"] = answer.headers["set-cookie"].partition(";")[0]
        sessions = (await client.get("/account/security")).text
    assert re.fullmatch(r"[0-9a-f]{16}", answer.headers["x-request-id"])
    assert "127.0.0.1" in sessions
    assert "203.0.113.7" not in sessions


async def test_the_command_that_checks_goes_the_way_of_a_page(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    for slug in ("", "acme."):
        with pytest.raises(Fault, match=r"the certificate of .* is not one to trust"):
            await dial(f"https://{slug}{proxy.base_host}")
    monkeypatch.setenv("SSL_CERT_FILE", str(proxy.authority))
    for slug in ("", "acme."):
        await dial(f"https://{slug}{proxy.base_host}")
    with pytest.raises(Fault, match="BASE_URL: "):
        await dial(f"https://nobody.{proxy.base_host}")


async def test_headers_are_bounded_before_they_reach_the_program(proxy: Proxy) -> None:
    async with proxy.client("acme", **{"x-long": "x" * 60_000}) as client:
        assert (await client.get("/login")).status_code == 431


async def test_who_never_ends_a_header_is_cut_off_and_whose_body_does_not_come_is_waited_for_by_the_proxy_alone(
    proxy: Proxy,
) -> None:
    own, before = f"acme.{proxy.base_host}", proxy.server.log.count("request cut off")
    form = f"POST /login HTTP/1.1\r\nHost: {own}\r\nOrigin: https://{own}\r\nContent-Length: 60000\r\n\r\n"
    async with proxy.dialled() as (_, body), proxy.dialled() as (reader, header):
        body.write(form.encode() + b"x" * 50_000)
        header.write(b"GET / HTTP/1.1\r\nHost: acme\r\nX-Slow: ")
        await asyncio.gather(body.drain(), header.drain())
        async with asyncio.timeout(40):
            await reader.read()  # ends when the proxy hangs up
        await until(lambda: proxy.server.log.count("request cut off") > before)


async def test_a_request_waits_while_the_program_starts_again(proxy: Proxy) -> None:
    proxy.server.stop()
    async with proxy.client("acme") as client:
        asking = asyncio.create_task(client.get("/login"))
        await asyncio.to_thread(proxy.server.start)
        assert (await asking).status_code == 200


async def test_the_address_of_a_room_is_in_no_log_of_the_proxy(proxy: Proxy) -> None:
    secret = "mut_" + "k" * 49
    async with proxy.client("acme") as client:
        assert (await client.post(f"/incoming/{secret}", json={"text": "x"})).status_code == 404
        assert (await client.get("/login")).status_code == 200
    logged = (proxy.data_dir / "caddy.log").read_text()
    assert "/login" in logged
    assert secret not in logged
    assert secret not in proxy.server.log
