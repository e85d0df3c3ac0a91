"""The real nginx with deploy/nginx.conf, its hosts, ports and paths changed, in front of the real program."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import websockets

from app.demo import PASSWORD
from tests.conftest import ROOT, Server, end_server, free_port
from tests.databases import Store
from tests.deploy.test_caddy import Named

NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")


@dataclass
class Proxy:
    """nginx in front of one server, with a certificate of its own."""

    directory: Path
    server: Server
    http_port: int
    https_port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def base_host(self) -> str:
        return f"hero.localhost:{self.https_port}"

    @property
    def certificate(self) -> Path:
        return self.directory / "fullchain.pem"

    def configure(self) -> Path:
        """The deployed file, on other ports, within the little that is around it on a machine."""
        site = (ROOT / "deploy" / "nginx.conf").read_text()
        for before, after in (
            ("listen 80;", f"listen 127.0.0.1:{self.http_port};"),
            ("listen [::]:80;", f"listen [::1]:{self.http_port};"),
            ("listen 443 ssl", f"listen 127.0.0.1:{self.https_port} ssl"),
            ("listen [::]:443 ssl", f"listen [::1]:{self.https_port} ssl"),
            ("/etc/letsencrypt/live/team.example.org", str(self.directory)),
            ("team.example.org", "hero.localhost"),
            ("127.0.0.1:8000", f"127.0.0.1:{self.server.port}"),
        ):
            assert before in site
            site = site.replace(before, after)
        (self.directory / "site.conf").write_text(site)
        folders = " ".join(
            f"{kind}_temp_path {self.directory}/{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        main = self.directory / "nginx.conf"
        main.write_text(
            ("user root;\n" if os.geteuid() == 0 else "")
            + f"daemon off; pid {self.directory}/pid; error_log {self.directory}/error.log;\n"
            + f"events {{}}\nhttp {{ access_log off; {folders} include {self.directory}/site.conf; }}\n"
        )
        return main

    def start(self) -> None:
        assert NGINX, "nginx is missing: run tests/install-system-packages"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-subj", "/CN=hero.localhost", "-addext", "subjectAltName=DNS:hero.localhost,DNS:*.hero.localhost",
             "-keyout", self.directory / "privkey.pem", "-out", self.certificate],
            check=True, capture_output=True,
        )  # fmt: skip
        self.process = subprocess.Popen(
            [NGINX, "-p", self.directory, "-c", self.configure(), "-e", self.directory / "error.log"]
        )
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self.process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.https_port)) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError((self.directory / "error.log").read_text())

    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.certificate))

    def client(self, slug: str, **headers: str) -> httpx.AsyncClient:
        host = f"{slug}.{self.base_host}" if slug else self.base_host
        return httpx.AsyncClient(
            transport=Named(host.partition(":")[0], verify=self.trust()),
            base_url=f"https://127.0.0.1:{self.https_port}",
            headers={"host": host, "origin": f"https://{host}", **headers},
            timeout=30,
        )

    async def sign_in(self, **headers: str) -> httpx.AsyncClient:
        client = self.client("acme", **headers)
        answer = await client.post("/login", data={"email": "ana@acme.test", "password": PASSWORD})
        assert answer.status_code == 303, answer.text
        client.headers["cookie"] = answer.headers["set-cookie"].partition(";")[0]
        return client


@pytest.fixture(scope="module")
def proxy(seeded: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    data_dir = tmp_path_factory.mktemp("proxied")
    seeded.copy_to(data_dir)
    server = Server(data_dir, free_port())
    made = Proxy(tmp_path_factory.mktemp("nginx"), server, free_port(), free_port())
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
    client = await proxy.sign_in()
    assert client.headers["cookie"].startswith("__Host-session=")
    page = await client.get("/c/books", headers={"accept-encoding": "gzip"})
    assert page.status_code == 200
    assert "content-encoding" not in page.headers
    await client.aclose()


async def test_files_that_are_the_same_for_everybody_are_compressed(proxy: Proxy) -> None:
    async with proxy.client("acme", **{"accept-encoding": "gzip"}) as client:
        page = (await client.get("/login")).text
        name = page.partition('<link rel="stylesheet" href="')[2].partition('"')[0]
        style = await client.get(name)
    assert style.status_code == 200
    assert style.headers["content-encoding"] == "gzip"
    assert "immutable" in style.headers["cache-control"]


async def test_plain_http_leads_to_https(proxy: Proxy) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.get(
            f"http://127.0.0.1:{proxy.http_port}/c/books?q=x", headers={"host": "acme.hero.localhost"}
        )
    assert answer.status_code == 308
    assert answer.headers["location"] == "https://acme.hero.localhost/c/books?q=x"


async def test_who_asks_for_another_host_gets_no_certificate(proxy: Proxy) -> None:
    async with httpx.AsyncClient(transport=Named("evil.example", verify=proxy.trust())) as client:
        with pytest.raises(httpx.ConnectError, match="unrecognized name"):
            await client.get(f"https://127.0.0.1:{proxy.https_port}/")


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
            made = await client.post("/c/books/new", data={"title": "Through nginx", "author": "A. Nobody"})
            assert made.status_code == 303
            while "Through nginx" not in str(await live.recv()):
                pass
    await client.aclose()


async def test_the_program_sees_the_address_of_who_asks_and_not_one_that_is_made_up(proxy: Proxy) -> None:
    client = await proxy.sign_in(**{"x-forwarded-for": "203.0.113.7", "x-request-id": "made-up-by-a-client"})
    account = await client.get("/account/security")
    assert re.fullmatch(r"[0-9a-f]{32}", account.headers["x-request-id"]), "nginx gives the id"
    sessions = account.text
    assert "127.0.0.1" in sessions
    assert "203.0.113.7" not in sessions
    await client.aclose()


async def test_headers_and_bodies_are_bounded(proxy: Proxy) -> None:
    async with proxy.client("acme", **{"x-long": "x" * 60_000}) as client:
        assert (await client.get("/login")).status_code == 400
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", proxy.https_port, ssl=proxy.trust(), server_hostname="acme.hero.localhost"
    )
    writer.write(f"POST /login HTTP/1.1\r\nHost: acme.{proxy.base_host}\r\nContent-Length: 300000000\r\n\r\n".encode())
    async with asyncio.timeout(20):
        assert b" 413 " in await reader.readline()
    writer.close()


async def test_who_never_ends_a_header_or_a_body_is_cut_off(proxy: Proxy) -> None:
    own = f"acme.{proxy.base_host}"
    form = f"POST /login HTTP/1.1\r\nHost: {own}\r\nOrigin: https://{own}\r\nContent-Length: 60000\r\n\r\n"

    async def never_end(beginning: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", proxy.https_port, ssl=proxy.trust(), server_hostname="acme.hero.localhost"
        )
        writer.write(beginning)
        await writer.drain()
        async with asyncio.timeout(40):
            said = await reader.read()  # ends when the proxy hangs up
        writer.close()
        return said

    _, of_body = await asyncio.gather(
        never_end(b"GET / HTTP/1.1\r\nHost: acme\r\nX-Slow: "), never_end(form.encode() + b"x" * 50_000)
    )
    assert of_body.startswith(b"HTTP/1.1 408 ")
