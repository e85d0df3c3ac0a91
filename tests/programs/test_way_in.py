"""The way in for programs: a token, and nothing else; and no token is taken anywhere else."""

from __future__ import annotations

import socket
from contextlib import aclosing

import httpx
import pytest
from litestar.routes import HTTPRoute
from websockets.exceptions import InvalidStatus

from app.accounts.program_tokens import make_secret
from app.programs.refusals import SENT_ONCE
from app.programs.routes import check_routes
from tests.conftest import Server
from tests.programs.conftest import API, BOOK, LetIn, add_token, call_with, problem_of
from tests.test_isolation import make_application

ANA = "ana@acme.test"


@pytest.mark.parametrize("shown", [None, "Basic YTpi", "Bearer", "Bearer mut_x", "bearer {unknown}", "Bearer a b"])
async def test_without_a_token_that_works_nothing_is_done(shared_server: Server, shown: str | None) -> None:
    headers = {} if shown is None else {"authorization": shown.format(unknown=make_secret())}
    async with aclosing(shared_server.client("acme")) as client:
        answer = await client.get(f"{API}/collections", headers=headers)
        assert problem_of(answer) == (401, "unauthorized")
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("name", SENT_ONCE)
async def test_a_header_that_counts_once_is_sent_once(shared_server: Server, name: str) -> None:
    _, secret = add_token(shared_server, "acme", ANA)
    async with aclosing(call_with(shared_server, "acme", secret)) as client:
        value = client.headers["authorization"] if name == "Authorization" else "1"
        twice = [*client.headers.multi_items(), (name, value)]
        twice += [(name.lower(), value)] if name != "Authorization" else []
        answer = await client.send(httpx.Request("GET", f"{client.base_url}{BOOK}", headers=twice))
        assert problem_of(answer) == (400, "bad-request")
        assert answer.json()["detail"] == f"Send one header `{name}`."


async def test_of_two_versions_none_is_meant(shared_server: Server, let_in: LetIn) -> None:
    program = await let_in(ANA)
    there = (await program.get(BOOK)).json()
    for versions in ((there["version"], 99), (99, there["version"])):
        headers = [("if-match", f'"{version}"') for version in versions]
        answer = await program.patch(BOOK, json={"values": {"notes": "Twice"}}, headers=headers)
        assert problem_of(answer) == (400, "bad-request")
    assert (await program.get(BOOK)).json() == there


async def test_a_cookie_is_never_looked_at(shared_server: Server) -> None:
    async with aclosing(shared_server.let_in("acme", ANA)) as signed_in:
        for method, path in (("GET", f"{API}/collections"), ("DELETE", BOOK)):
            assert problem_of(await signed_in.request(method, path)) == (401, "unauthorized")
        # Which of siblings may set: a page is refused for it.
        twice = {"cookie": f"session=a; session=b; {signed_in.headers['cookie']}"}
        assert problem_of(await signed_in.get(f"{API}/collections", headers=twice)) == (401, "unauthorized")


async def test_a_token_is_taken_on_no_page_and_no_socket(shared_server: Server) -> None:
    _, secret = add_token(shared_server, "acme", ANA)
    async with aclosing(shared_server.client("acme", authorization=f"Bearer {secret}")) as client:
        for path in ("/", "/c/books", "/account/tokens", "/api/docs", "/apis"):
            answer = await client.get(path)
            assert (answer.status_code, answer.headers.get("location", "")[:6]) in ((303, "/login"), (404, "")), path
        assert (await client.post("/c/books/new", data={"title": "By a token"})).headers["location"] == "/login"
    headers = {"authorization": f"Bearer {secret}"}
    async with shared_server.connect("acme", headers=headers) as connection:
        await connection.wait_closed()
        assert connection.close_code == 4401
    with pytest.raises(InvalidStatus):
        async with shared_server.connect("acme", headers=headers, origin="http://evil.example"):
            pass


async def test_a_program_needs_no_origin_and_others_still_do(shared_server: Server, let_in: LetIn) -> None:
    program = await let_in(ANA)
    assert (await program.post(f"{BOOK}/lock")).status_code in (201, 423)
    posted = {"host": shared_server.host("acme")}
    async with aclosing(shared_server.client("acme")) as client:
        del client.headers["origin"], client.headers["sec-fetch-site"]
        assert (await client.post("/c/books/new", headers=posted)).status_code == 403


async def test_a_token_works_in_its_workspace_alone(shared_server: Server) -> None:
    _, secret = add_token(shared_server, "acme", ANA)
    for slug in ("globex", "nowhere"):
        async with aclosing(call_with(shared_server, slug, secret)) as client:
            assert (await client.get(f"{API}/collections")).status_code in (401, 404)
    async with aclosing(call_with(shared_server, "", secret)) as client:
        assert problem_of(await client.get(f"{API}/collections")) == (404, "not-found")


async def test_a_suspended_member_or_workspace_and_an_ended_token_do_nothing(server: Server) -> None:
    number, secret = add_token(server, "acme", "carla@acme.test")
    async with aclosing(call_with(server, "acme", secret)) as client:

        async def ask() -> tuple[int, str]:
            answer = await client.get(f"{API}/collections")
            return (200, "") if answer.status_code == 200 else problem_of(answer)

        assert await ask() == (200, "")
        server.run("member", "suspend", "acme", "carla@acme.test")
        assert await ask() == (401, "unauthorized")
        server.run("member", "restore", "acme", "carla@acme.test")
        assert await ask() == (200, "")
        server.run("workspace", "suspend", "acme", "--reason", "Unpaid")
        assert await ask() == (403, "forbidden")
        server.run("workspace", "restore", "acme")
        server.run("token", "end", "acme", str(number))
        assert await ask() == (401, "unauthorized")


async def test_every_error_below_api_is_json_the_gates_and_the_servers_own_too(shared_server: Server) -> None:
    _, secret = add_token(shared_server, "acme", ANA)
    async with aclosing(call_with(shared_server, "acme", secret)) as client:
        assert problem_of(await client.get(f"{API}/nothing/here")) == (404, "not-found")
        assert problem_of(await client.get("/api")) == (404, "not-found")
        answer = await client.put(BOOK)
        assert problem_of(answer) == (405, "method-not-allowed")
        assert answer.headers["allow"] == "DELETE, GET, HEAD, PATCH"
        too_long = {"x-long": "a" * 33_000}
        assert problem_of(await client.get(f"{API}/collections", headers=too_long)) == (431, "header-too-large")
        elsewhere = {"host": "elsewhere.example"}
        assert problem_of(await client.get(f"{API}/collections", headers=elsewhere)) == (400, "bad-request")
        much = b'{"values": {"title": "' + b"a" * 1_100_000 + b'"}}'
        json = {"content-type": "application/json"}
        large = await client.post(f"{API}/collections/books/records", content=much, headers=json)
        assert problem_of(large) == (413, "too-large")
    with socket.create_connection((shared_server.address, shared_server.port)) as raw:
        raw.sendall(f"GET {API}/collections HTTP/1.1\r\nx-long: {'a' * 70_000}\r\n".encode())
        received = b""
        while piece := raw.recv(65536):
            received += piece
        assert b" 431 " in received.partition(b"\r\n")[0]
        assert b"application/problem+json" in received
        assert b'"code": "header-too-large"' in received


HANDSHAKE = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
COLLECTIONS = f"{API}/collections"
# What is sent, and which problem it is; "{host}" is the line of the host.
ODD_REQUESTS = {
    f"GET {COLLECTIONS} HTTP/1.1\r\n{{host}}{HANDSHAKE.format(key='dGhlIHNhbXBsZSBub25jZQ==')}": (401, "unauthorized"),
    f"GET {COLLECTIONS} HTTP/1.1\r\n{{host}}{HANDSHAKE.format(key='x')}": (401, "unauthorized"),
    f"GET {COLLECTIONS} HTTP/1.1\r\nHost: evil.example\r\n{HANDSHAKE.format(key='x')}": (400, "bad-request"),
    f"PUT {COLLECTIONS} HTTP/1.1\r\n{{host}}": (405, "method-not-allowed"),
    f"PROPFIND {COLLECTIONS} HTTP/1.1\r\n{{host}}": (405, "method-not-allowed"),
    f"BREW {COLLECTIONS} HTTP/1.1\r\n{{host}}": (400, "bad-request"),
    f"get {COLLECTIONS} HTTP/1.1\r\n{{host}}": (400, "bad-request"),
    f"BREW http://acme.example{COLLECTIONS} HTTP/1.1\r\n{{host}}": (400, "bad-request"),
    f"GET {COLLECTIONS} HTTP/1.0\r\n{{host}}": (401, "unauthorized"),
    f"GET {COLLECTIONS} HTTP/1.0\r\n": (400, "bad-request"),
    f"GET {COLLECTIONS} HTTP/3.0\r\n{{host}}": (400, "bad-request"),
    f"GET {COLLECTIONS}/\x01 HTTP/1.1\r\n{{host}}": (400, "bad-request"),
    f"GET {COLLECTIONS}/é HTTP/1.1\r\n{{host}}": (400, "bad-request"),
    f"GET {COLLECTIONS} HTTP/1.1\r\n{{host}}No field\r\n": (400, "bad-request"),
    f"POST {COLLECTIONS} HTTP/1.1\r\n{{host}}Content-Length: -1\r\n": (400, "bad-request"),
    f"GET {COLLECTIONS} HTTP/1.1\r\n{{host}}X-Long: {'a' * 40_000}\r\n": (431, "header-too-large"),
    f"GET {COLLECTIONS} HTTP/1.1\r\n{{host}}X-Long: {'a' * 70_000}\r\n": (431, "header-too-large"),
}


@pytest.mark.parametrize("sent", ODD_REQUESTS, ids=[f"{each[:30]} {at}" for at, each in enumerate(ODD_REQUESTS)])
def test_odd_requests_below_api_are_told_as_json_too(shared_server: Server, sent: str) -> None:
    with socket.create_connection((shared_server.address, shared_server.port), timeout=10) as raw:
        raw.sendall(f"{sent}\r\n".format(host=f"Host: {shared_server.host('acme')}\r\n").encode())
        with raw.makefile("rb") as received:
            status = int(received.readline().split()[1])
            fields = {}
            while line := received.readline().decode().strip():
                name, _, value = line.partition(":")
                fields[name.lower()] = value.strip()
            answer = httpx.Response(status, headers=fields, content=received.read(int(fields["content-length"])))
    assert problem_of(answer) == ODD_REQUESTS[sent]
    assert "x-content-type-options" in answer.headers


def test_what_cannot_be_told_is_plain(shared_server: Server) -> None:
    for sent in ("BREW\r\n\r\n", f"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nBREW {COLLECTIONS} HTTP/1.1\r\n\r\n"):
        with socket.create_connection((shared_server.address, shared_server.port), timeout=10) as raw:
            raw.sendall(sent.encode())
            received = b""
            while piece := raw.recv(65536):
                received += piece
        assert b"400 Bad Request" in received
        assert b"problem+json" not in received


async def test_what_is_wrong_with_a_request_is_said_by_name(let_in: LetIn) -> None:
    program = await let_in(ANA)
    path = f"{API}/collections/books/records"

    async def errors(**body: object) -> dict[str, str]:
        answer = await program.post(path, json=body)
        assert problem_of(answer) == (422, "invalid")
        return {each["field"]: each["detail"] for each in answer.json()["errors"]}

    assert await errors(values={}, valeus={}) == {"valeus": "There is no such member."}
    assert await errors(values={"titel": "x", "year": 1}) == {"titel": "There is no such field."}
    assert "year" in await errors(values={"title": "x", "year": "last year"})
    assert "title" in await errors(values={"title": ""})
    assert "title" in await errors(values={"title": {"a": 1}})
    assert await errors() != {}
    for value in (10**30, -(10**15), 1e300, [[1]], [1] * 501, {"a": {}}, True, 1.25, 7):
        assert "title" in await errors(values={"title": value}), value
    for number in (10**30, 1e300, 1.5, "1.5.5", [1, 2]):
        assert "year" in await errors(values={"title": "x", "year": number}), number
    for body in (b"", b"null", b"[]", b"7"):
        answer = await program.post(path, content=body, headers={"content-type": "application/json"})
        assert problem_of(answer) == (422, "invalid")
        assert answer.json()["errors"] == [{"field": "", "detail": "A JSON object is needed."}], body
    for given, status in (("application/json; charset=utf-8", 201), ("text/plain", 415), ("", 201)):
        content = b'{"values": {"title": "Typed", "author": "A"}}'
        answer = await program.post(path, content=content, headers={"content-type": given} if given else {})
        assert answer.status_code == status, answer.text
    assert problem_of(await program.patch(path + "/40", data={"values": "{}"})) == (415, "unsupported-type")
    for key in ("İ", "9", "a b"):
        field = {"name": "Key", "kind": "text", "key": key}
        answer = await program.post(f"{API}/collections/books/fields", json=field)
        assert [each["field"] for each in answer.json()["errors"]] == ["key"]
    deep = b'{"values": {"title": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}"
    for body in (b"{", b"[]", b"null", b'"\xff"', b"", deep, b'{"values": {"title": "\\ud800"}}'):
        answer = await program.post(path, content=body, headers={"content-type": "application/json"})
        assert problem_of(answer)[0] in (400, 422), body


async def test_pages_of_other_sites_may_call_with_tokens_that_name_them(shared_server: Server, let_in: LetIn) -> None:
    one, other = "https://one.example", "https://other.example"
    program = await let_in(ANA, origins=[one])
    await let_in(ANA, origins=[other])
    path = f"{API}/collections"

    async def preflight(origin: str) -> httpx.Response:
        asked = {"origin": origin, "access-control-request-method": "POST"}
        async with aclosing(shared_server.client("acme")) as client:
            return await client.options(path, headers=asked)

    for origin in (one, other):
        answer = await preflight(origin)
        assert answer.headers["access-control-allow-origin"] == origin
        allowed = {each.strip() for each in answer.headers["access-control-allow-headers"].split(",")}
        assert {"Authorization", "Mcp-Session-Id", "Mcp-Protocol-Version", "Last-Event-ID"} <= allowed
        assert "access-control-allow-credentials" not in answer.headers
    assert "access-control-allow-origin" not in (await preflight("https://evil.example")).headers
    answer = await program.get(path, headers={"origin": one})
    assert answer.headers["access-control-allow-origin"] == one
    assert "access-control-allow-credentials" not in answer.headers
    refused = await program.get(path, headers={"origin": other})
    assert problem_of(refused) == (403, "origin-not-allowed")
    assert "access-control-allow-origin" not in refused.headers
    own = await program.get(path, headers={"origin": f"http://{shared_server.host('acme')}"})
    assert own.status_code == 200
    assert "access-control-allow-origin" not in own.headers


async def test_what_is_left_of_the_limits_is_said(let_in: LetIn) -> None:
    program = await let_in(ANA)
    path = f"{API}/collections/books/records"
    read, again = await program.get(path), await program.get(path)
    assert read.headers["ratelimit-policy"] == '"reads";q=6000;w=60'
    assert read.headers["ratelimit"].startswith('"reads";r=5999;t=')
    assert again.headers["ratelimit"].startswith('"reads";r=5998;t=')


async def test_what_is_to_be_called_is_described_for_anybody(shared_server: Server) -> None:
    async with aclosing(shared_server.client("acme")) as client:
        described = (await client.get(f"{API}/openapi.json")).json()
    assert described["openapi"].startswith("3.1")
    assert {"get", "patch", "delete"} <= described["paths"][f"{API}/collections/{{slug}}/records/{{number}}"].keys()
    locks = described["paths"][f"{API}/collections/{{slug}}/records/{{number}}/lock"]
    shared = described["components"]["responses"]
    answers = {
        status: shared[said["$ref"].rpartition("/")[2]] if "$ref" in said else said
        for status, said in locks["post"]["responses"].items()
    }
    schemas = {
        status: next(iter(said["content"].values()))["schema"]["$ref"].rpartition("/")[2]
        for status, said in answers.items()
    }
    assert (schemas["201"], schemas["202"], schemas["423"]) == ("HeldLock", "LockAwaited", "ProblemShape")
    assert "content" not in locks["get"]["responses"]["304"]
    assert described["components"]["securitySchemes"] == {"token": {"type": "http", "scheme": "bearer"}}


def test_a_start_fails_for_an_endpoint_that_does_not_say_its_scope() -> None:
    routes = make_application().sites.programs.endpoints.routes
    check_routes(routes)
    handler = next(each for route in routes for each in route.route_handlers if each.opt.get("scope"))
    scope = handler.opt.pop("scope")
    try:
        with pytest.raises(ValueError, match="does not say which scope"):
            check_routes(routes)
    finally:
        handler.opt["scope"] = scope


def test_a_start_fails_for_an_endpoint_that_searches_and_does_not_say_that_it_is_heavy() -> None:
    routes = make_application().sites.programs.endpoints.routes
    handlers = [each for route in routes if isinstance(route, HTTPRoute) for each in route.route_handlers]
    heavy = [each for each in handlers if each.opt.get("heavy")]
    assert heavy
    for handler in heavy:
        said = handler.opt.pop("heavy")
        try:
            with pytest.raises(ValueError, match="does not say that it is heavy"):
                check_routes(routes)
        finally:
            handler.opt["heavy"] = said
