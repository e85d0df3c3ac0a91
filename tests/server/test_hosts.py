"""What the gate lets through, over raw sockets: hosts, origins, sizes, cookies, and the headers of every answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass

import httpx
import pytest

from app.demo import PASSWORD
from app.web.assets import static_url
from tests.browser.test_accessible import VALUES as FOUND
from tests.conftest import Server
from tests.test_isolation import PATH_VALUES, TARGETS

SECURITY = {
    "content-security-policy",
    "x-content-type-options",
    "referrer-policy",
    "x-frame-options",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "permissions-policy",
    "cache-control",
}


@dataclass
class Answer:
    """An answer, taken apart."""

    status: int
    headers: dict[str, str]
    text: str


async def ask(server: Server, *lines: str | bytes, body: bytes = b"") -> Answer:
    """Send a request as it stands, and read the answer to its end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        encoded = [line if isinstance(line, bytes) else line.encode() for line in lines]
        writer.write(b"\r\n".join([*encoded, b"Connection: close", b"", b""]) + body)
        async with asyncio.timeout(20):
            content = await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()
    head, _, text = content.partition(b"\r\n\r\n")
    first, *others = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(": ")[::2] for line in others)
    return Answer(int(first.split()[1]), {name.lower(): value for name, value in pairs}, text.decode())


def check_security(headers: httpx.Headers | dict[str, str]) -> None:
    assert set(headers) >= SECURITY, SECURITY - set(headers)
    assert headers["x-content-type-options"] == "nosniff"
    assert "unsafe-" not in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "server" not in headers


async def test_a_workspace_answers_on_its_own_host(shared_server: Server) -> None:
    answer = await ask(shared_server, "GET /login HTTP/1.1", f"Host: {shared_server.host('acme')}")
    assert answer.status == 200
    assert "Biblioteca Acme" in answer.text


async def test_the_host_may_be_in_upper_case(shared_server: Server) -> None:
    host = shared_server.host("acme").upper()
    answer = await ask(shared_server, "GET /login HTTP/1.1", f"Host: {host}")
    assert answer.status == 200
    assert "Biblioteca Acme" in answer.text


async def test_a_doubled_host_is_refused(shared_server: Server) -> None:
    acme, globex = f"Host: {shared_server.host('acme')}", f"Host: {shared_server.host('globex')}"
    for hosts in ((acme, globex), (acme, acme)):
        answer = await ask(shared_server, "GET /login HTTP/1.1", *hosts)
        assert answer.status == 400
        assert "Biblioteca" not in answer.text


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_a_missing_host_is_refused(shared_server: Server, version: str) -> None:
    assert (await ask(shared_server, f"GET /login HTTP/{version}")).status == 400


@pytest.mark.parametrize(
    "host",
    [
        "evil.test",
        "evil.test:{port}",
        "127.0.0.1:{port}",
        "localhost:{port}",
        "hero.localhost",
        "acme.hero.localhost",
        "acme.hero.localhost:1",
        "acme.hero.localhost:{port}.",
        "acme.hero.localhost.:{port}",
        "a.acme.hero.localhost:{port}",
        ".hero.localhost:{port}",
        "-acme.hero.localhost:{port}",
        "ac_me.hero.localhost:{port}",
        "ana@acme.hero.localhost:{port}",
        "acme.hero.localhost:{port}/x",
        "acme.hero.localhost:{port}, evil.test",
        "acme .hero.localhost:{port}",
        "açme.hero.localhost:{port}",
        "evilhero.localhost:{port}",
        "",
    ],
)
async def test_a_foreign_or_malformed_host_is_refused(shared_server: Server, host: str) -> None:
    answer = await ask(shared_server, "GET /login HTTP/1.1", f"Host: {host.format(port=shared_server.port)}")
    assert answer.status == 400
    assert "Biblioteca" not in answer.text


async def test_an_unknown_workspace_has_a_page_that_says_so(shared_server: Server) -> None:
    for path in ("/", "/login", "/c/books", "/forgotten", "/enter", "/nothing"):
        answer = await ask(shared_server, f"GET {path} HTTP/1.1", f"Host: {shared_server.host('nobody')}")
        assert answer.status == 404, path
        assert "Page not found" in answer.text


async def test_a_suspended_workspace_has_a_page_that_says_so(shared_server: Server) -> None:
    async with aclosing(await shared_server.sign_in("globex", "gil@globex.test")) as gil:
        assert shared_server.run("workspace", "suspend", "globex").returncode == 0
        for path in ("/", "/login", "/c/books", "/account"):
            answer = await gil.get(path)
            assert answer.status_code == 403, path
            assert "This workspace is suspended." in answer.text
            check_security(answer.headers)
        refused = await gil.post("/login", data={"email": "gil@globex.test", "password": PASSWORD})
        assert refused.status_code == 403
        assert shared_server.run("workspace", "restore", "globex").returncode == 0
        assert (await gil.get("/login")).status_code == 200


async def test_health_answers_on_any_host(shared_server: Server) -> None:
    for host in ("evil.test", shared_server.host(""), shared_server.host("acme"), "127.0.0.1"):
        answer = await ask(shared_server, "GET /healthz HTTP/1.1", f"Host: {host}")
        assert (answer.status, answer.text) == (200, "ok\n"), host
        ready = await ask(shared_server, "GET /readyz HTTP/1.1", f"Host: {host}")
        assert ready.status == 200
        assert '"database":"ok"' in ready.text


async def test_metrics_are_shown_to_this_machine(shared_server: Server) -> None:
    answer = await ask(shared_server, "GET /metrics HTTP/1.1", f"Host: 127.0.0.1:{shared_server.port}")
    assert answer.status == 200
    for name in (
        "mutirao_sockets",
        "mutirao_events_total",
        "mutirao_deliveries_total",
        "mutirao_resumes_total",
        "mutirao_refusals_total",
        "mutirao_slow_closes_total",
        "mutirao_publish_to_written_seconds_bucket",
        "mutirao_request_seconds_bucket",
    ):
        assert f"# TYPE {name.removesuffix('_bucket').removesuffix('_total')}" in answer.text


async def test_metrics_do_not_exist_for_other_networks(server: Server) -> None:
    server.stop()
    server.environment["METRICS_NETWORKS"] = "10.0.0.0/8"
    server.start()
    for host in ("127.0.0.1", server.host("acme")):
        answer = await ask(server, "GET /metrics HTTP/1.1", f"Host: {host}")
        assert answer.status == 404
        assert "mutirao_" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/login", 200),
        ("GET", "/c/books", 303),
        ("GET", "/password?token=unknown", 303),
        ("GET", "/login?why=" + "x" * 30, 400),
        ("GET", "/nothing", 404),
        ("GET", "/live", 404),
        ("GET", "/static/nothing.css", 404),
        ("GET", "/static/../settings.py", 404),
        ("GET", static_url("logo.svg"), 200),
        ("PUT", "/login", 405),
        ("POST", "/login", 422),
        ("POST", "/forgotten", 422),
        ("GET", "/healthz", 200),
        ("GET", "/readyz", 200),
    ],
)
async def test_every_answer_has_the_security_headers(
    shared_server: Server, method: str, path: str, status: int
) -> None:
    host = shared_server.host("acme")
    answer = await ask(
        shared_server, f"{method} {path} HTTP/1.1", f"Host: {host}", f"Origin: http://{host}", "Content-Length: 0"
    )
    assert answer.status == status
    check_security(answer.headers)
    if path == static_url("logo.svg"):
        assert "immutable" in answer.headers["cache-control"]
    else:
        assert answer.headers["cache-control"] == "no-store"


async def test_refusals_of_the_gate_have_the_security_headers_and_a_page(shared_server: Server) -> None:
    host = f"Host: {shared_server.host('acme')}"
    for status, lines in (
        (400, ("GET / HTTP/1.1", "Host: evil.test")),
        (400, ("GET / HTTP/1.1", host, host)),
        (403, ("POST /login HTTP/1.1", host, "Content-Length: 0")),
    ):
        answer = await ask(shared_server, *lines)
        assert answer.status == status
        assert '<p class="code">' in answer.text
        check_security(answer.headers)


@contextmanager
def damage(server: Server, statement: str) -> Iterator[None]:
    """Change the database behind the server's back."""
    server.store.rows(statement)
    yield


async def test_a_fault_of_ours_is_a_500_page_without_details(server: Server) -> None:
    async with aclosing(await server.sign_in("acme", "ana@acme.test")) as ana:
        with damage(server, "UPDATE record SET \"values\" = '7' WHERE tenant_id = 1"):
            answer = await ana.get("/c/books")
        assert answer.status_code == 500
        assert "Something went wrong on our side" in answer.text
        assert "Traceback" not in answer.text
        check_security(answer.headers)
        failed = next(line for line in server.log.splitlines() if "request failed" in line)
        assert f"request_id={answer.headers['x-request-id']}" in failed
        assert f"mention request {answer.headers['x-request-id']}." in answer.text


@pytest.mark.sqlite  # what PostgreSQL can lose is in tests/database/test_postgresql.py
async def test_a_database_that_fails_is_a_503_page(server: Server) -> None:
    async with aclosing(await server.sign_in("acme", "ana@acme.test")) as ana:
        with damage(server, "ALTER TABLE record RENAME TO taken_away"):
            answer = await ana.get("/c/books")
        assert answer.status_code == 503
        assert "The database is busy or" in answer.text
        check_security(answer.headers)
        request_id = answer.headers["x-request-id"]
        assert f"mention request {request_id}." in answer.text
        failed = next(line for line in server.log.splitlines() if "the database is not available" in line)
        assert f"request_id={request_id}" in failed


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        (("Sec-Fetch-Site: same-origin",), True),
        (("Sec-Fetch-Site: same-origin", "Origin: http://{host}"), True),
        (("Origin: http://{host}",), True),
        ((), False),
        (("Sec-Fetch-Site: cross-site",), False),
        (("Sec-Fetch-Site: same-site",), False),
        (("Sec-Fetch-Site: none",), False),
        (("Sec-Fetch-Site: cross-site", "Origin: http://{host}"), False),
        (("Origin: null",), False),
        (("Origin: http://evil.test",), False),
        (("Origin: http://globex.{base}",), False),
        (("Origin: https://{host}",), False),
        (("Origin: http://{host}.evil.test",), False),
        (("Origin: http://{host}/",), False),
        (("Origin:",), False),
    ],
)
async def test_a_post_must_come_from_a_page_of_the_same_host(
    shared_server: Server, headers: tuple[str, ...], *, allowed: bool
) -> None:
    host, body = shared_server.host("acme"), b"email=ana%40acme.test&password=mutirao-demo"
    answer = await ask(
        shared_server,
        "POST /login HTTP/1.1",
        f"Host: {host}",
        *(header.format(host=host, base=shared_server.base_host) for header in headers),
        "Content-Type: application/x-www-form-urlencoded",
        f"Content-Length: {len(body)}",
        body=body,
    )
    assert answer.status == (303 if allowed else 403)
    assert ("set-cookie" in answer.headers) == allowed


async def test_a_form_that_is_too_large_is_refused_with_a_page(shared_server: Server) -> None:
    async with aclosing(await shared_server.sign_in("acme", "ana@acme.test")) as ana:
        for path in ("/login", "/forgotten", "/c/books/new", "/c/books/1/edit", "/account/name", "/logout"):
            size = 2_000_000 if path.startswith("/c/") else 100_000
            answer = await ana.post(path, data={"title": "x" * size})
            assert answer.status_code == 413, path
            assert "This is too large" in answer.text
            check_security(answer.headers)
        assert (await ana.get("/account")).status_code == 200
    async with shared_server.client("") as visitor:
        assert (await visitor.post("/signup", data={"name": "x" * 100_000})).status_code == 413


async def test_a_form_in_pieces_is_bounded_too(shared_server: Server) -> None:
    host = shared_server.host("acme")
    piece = b"1000\r\n" + b"x" * 4096 + b"\r\n"
    answer = await ask(
        shared_server,
        "POST /login HTTP/1.1",
        f"Host: {host}",
        f"Origin: http://{host}",
        "Content-Type: application/x-www-form-urlencoded",
        "Transfer-Encoding: chunked",
        body=piece * 20 + b"0\r\n\r\n",
    )
    assert answer.status == 413


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-www-form-urlencoded", b"email=\xff\xfe"),
        ("application/json", b'{"email": "ana@acme.test"}'),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\n--x--"),
        ("text/plain", b"email=ana"),
        ("", b"email=ana"),
    ],
)
async def test_a_form_that_can_not_be_read_is_a_400(shared_server: Server, content_type: str, body: bytes) -> None:
    async with shared_server.client("acme") as client:
        answer = await client.post("/login", content=body, headers={"content-type": content_type})
        assert answer.status_code == 400
        check_security(answer.headers)


COOKIES = [
    (b"session={token}; session={token}", 400),
    (b"session={token}; session=other", 400),
    (b"session=other; session={token}", 400),
    (b"Session={token}", 303),
    (b"\xa0session={token}", 303),
    (b"\xc2\xa0session=other; session={token}", 200),
    (b"sess\xc3\xa3o=x; session={token}", 200),
    (b"\xc3\xa9=1; session={token}", 200),
    (b"session=\xff\xfe", 400),
    (b"a b=c; session={token}", 200),
    (b"session=", 303),
    (b"session", 303),
    (b"=;;; ;=", 303),
    (b'session="{token}"', 303),
    (b"session=" + b"x" * 5000, 303),
    (b"other=1; session={token}; third=\xc3\xa9", 200),
    (b"__Host-session=x; session={token}", 200),
]


@pytest.mark.parametrize(("cookie", "status"), COOKIES)
async def test_cookies_are_read_strictly(shared_server: Server, cookie: bytes, status: int) -> None:
    async with aclosing(await shared_server.sign_in("acme", "ana@acme.test")) as ana:
        token = ana.headers["cookie"].partition("=")[2].encode()
        host = f"Host: {shared_server.host('acme')}"
        line = b"Cookie: " + cookie.replace(b"{token}", token)
        answer = await ask(shared_server, "GET /account HTTP/1.1", host, line)
        assert answer.status == status
        check_security(answer.headers)
        for path in ("/login", "/forgotten", "/healthz", static_url("logo.svg")):
            public = await ask(shared_server, f"GET {path} HTTP/1.1", host, line)
            assert public.status in (200, 303, 400), path


async def test_a_control_character_in_a_cookie_is_refused(shared_server: Server) -> None:
    for cookie in (b"session=a\x7fb", b"session=a\x01b", b"session=a\x00b"):
        host = f"Host: {shared_server.host('acme')}"
        assert (await ask(shared_server, "GET /account HTTP/1.1", host, b"Cookie: " + cookie)).status == 400


async def test_the_session_in_two_cookie_headers_is_refused(shared_server: Server) -> None:
    async with aclosing(await shared_server.sign_in("acme", "ana@acme.test")) as ana:
        line = f"Cookie: {ana.headers['cookie']}"
        answer = await ask(shared_server, "GET /account HTTP/1.1", f"Host: {shared_server.host('acme')}", line, line)
        assert answer.status == 400


async def test_a_session_that_cant_be_trusted_is_taken_away_wherever_it_was_set(shared_server: Server) -> None:
    async with shared_server.client("acme", cookie="session=a; session=b") as client:
        answer = await client.get("/c/books/40")
        assert answer.status_code == 400
        gone = set()
        for cookie in answer.headers.get_list("set-cookie"):
            parts = dict(part.strip().lower().partition("=")[::2] for part in cookie.split(";"))
            assert (parts["session"].strip('"'), parts["max-age"]) == ("", "0")
            gone.add((parts.get("domain"), parts["path"]))
        domains = {None, "acme.hero.localhost", "hero.localhost"}
        assert gone == {
            (domain, path)
            for domain in domains
            for path in ("/", "/c", "/c/", "/c/books", "/c/books/", "/c/books/40", "/c/books/40/")
        }
        injected = await client.get("/account%0d%0aset-cookie:%20a=b;domain=x/sessions")
        assert "domain=x" not in str(injected.headers)


@pytest.mark.parametrize(
    "path",
    [
        "/%ff",
        "/%00",
        "/c/%ff%fe",
        "/c/%00",
        "/c/books/99999999999999999999999999",
        "/c/books/-1",
        "/c/books/9223372036854775808",
        "/c/books/9223372036854775808/edit",
        "/c/books/%C2%B2",
        "/c/books/1e3",
        "/c/books/" + "9" * 5000,
        "/c/books?q=%ff%00&sort=%ff&page=%ff",
        "/c/books?q=a&q=b&page=1&page=2",
        "/c/books?page=99999999999999999999",
        "/c/books?page=-1&sort=--number",
        "/c/books?q=" + "a+" * 3000,
        "/c/books?sort=%27%3B--",
        "/c/books/fields/%ff",
        "/account?done=%ff",
        "/login?next=%ff&why=%ff",
        "/enter?token=%ff%00",
        "/password?token=%ff%00",
        "/password?token=a&token=b",
        "/?" + "a=b&" * 3000,
        "//login",
        "/login/",
        "/static/%2e%2e/settings.py",
        "/static/css/",
        "/static/%00",
    ],
)
async def test_no_address_is_a_500(shared_server: Server, path: str) -> None:
    async with aclosing(await shared_server.sign_in("acme", "ana@acme.test")) as ana:
        host, cookie = f"Host: {shared_server.host('acme')}", f"Cookie: {ana.headers['cookie']}"
        for lines in ((host,), (host, cookie)):
            answer = await ask(shared_server, f"GET {path} HTTP/1.1", *lines)
            assert answer.status in (200, 303, 400, 404), answer.text[:500]
            check_security(answer.headers)


async def test_headers_without_end_are_refused(shared_server: Server) -> None:
    host = f"Host: {shared_server.host('acme')}"
    answer = await ask(shared_server, "GET /login HTTP/1.1", host, *[f"X-Pad-{n}: {'x' * 1000}" for n in range(40)])
    assert answer.status == 431


async def test_a_handshake_with_a_bad_host_is_refused(shared_server: Server) -> None:
    acme = shared_server.host("acme")
    upgrade = (
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        f"Origin: http://{acme}",
    )
    for hosts in ((f"Host: {acme}", f"Host: {acme}"), ("Host: evil.test",), (f"Host: a.{acme}",)):
        answer = await ask(shared_server, "GET /live HTTP/1.1", *hosts, *upgrade)
        assert answer.status in (400, 403), hosts


async def test_the_policy_names_this_host_alone(shared_server: Server) -> None:
    base = shared_server.base_host
    for slug, sockets in (("acme", f"'self' ws://acme.{base}"), ("", f"'self' ws://{base}")):
        async with shared_server.client(slug) as client:
            policy = (await client.get("/login")).headers["content-security-policy"]
            parts = dict(part.strip().partition(" ")[::2] for part in policy.split(";"))
            assert (parts["connect-src"], parts["form-action"]) == (sockets, "'self'")
    refused = await ask(shared_server, "GET / HTTP/1.1", "Host: evil.test")
    assert "connect-src 'self'; form-action 'self';" in refused.headers["content-security-policy"]


async def test_what_is_of_a_workspace_is_kept_by_no_browser_under_a_shared_address(shared_server: Server) -> None:
    values = {**dict.fromkeys(PATH_VALUES, "1"), **FOUND}
    targets = [one for one in TARGETS if one.method == "GET" and one.path != "/pictures.css"]
    pages = [one.fill(values) for one in targets]
    async with aclosing(await shared_server.sign_in("acme", "ana@acme.test")) as ana:
        for path in pages:
            assert (await ana.get(path)).headers["cache-control"] == "no-store", path
        styles = await ana.get("/pictures.css?v=0")
        assert styles.headers["cache-control"] == "private, no-cache"
        known = {"if-none-match": styles.headers["etag"]}
        assert (await ana.get("/pictures.css?v=0", headers=known)).status_code == 304
    async with shared_server.client("acme") as nobody:
        assert (await nobody.get("/pictures.css?v=0", headers=known)).status_code == 303


@pytest.mark.parametrize(
    ("sent", "cleared"),
    [
        (b"\r\n" * 40_000, False),
        (b"GET /" + b"a" * 70_000, False),
        (b"GET / HTTP/1.1\r\nCookie: " + b"a" * 70_000, True),
    ],
    ids=["empty lines", "an address", "cookies"],
)
async def test_a_header_without_end_is_refused_and_only_cookies_are_cleared_for_it(
    shared_server: Server, sent: bytes, cleared: bool
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", shared_server.port)
    writer.write(sent)
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert (b"clear-site-data" in answer) == cleared
    assert "Traceback" not in shared_server.log
