"""Every request has an id: in the header of its answer, in the log, and on the pages of what is our fault."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

from app.server.gate import Gate
from app.server.health import Readiness
from app.server.judging import Sites
from app.server.logs import set_up_logs
from app.settings import Settings, read_settings
from app.web.languages import Languages
from tests.conftest import Server

NEW = re.compile(r"[0-9a-f]{16}")


def make_gate(application: Any, settings: Settings) -> Gate:
    """A gate with an application behind it, whichever site is asked."""

    async def send_away() -> None: ...

    return Gate(
        settings,
        Sites(
            settings,
            central=application,
            workspace=application,
            programs=application,
            live=application,
            gateway=application,
            incoming=application,
        ),
        readiness=Readiness(bus=lambda: "off"),
        limits=None,
        languages=Languages(application),
        send_away=send_away,
    )


def make_client(
    application: Any, data_dir: Path, *, trusted: str = "127.0.0.1", address: str = "127.0.0.1"
) -> httpx.AsyncClient:
    """A client at an address, in front of a gate with an application behind it."""
    settings = read_settings({"DATA_DIR": str(data_dir), "FORWARDED_ALLOW_IPS": trusted})

    gate = make_gate(application, settings)
    transport = httpx.ASGITransport(app=gate, client=(address, 1))  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url=settings.base_url)


async def answer_nothing(scope: Any, receive: Any, send: Any) -> None:
    """An application that says where the request came from."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-client", scope["client"][0].encode())]})
    await send({"type": "http.response.body", "body": b""})


async def test_each_request_has_an_id_of_its_own(tmp_path: Path) -> None:
    async with make_client(answer_nothing, tmp_path) as client:
        answers = [await client.get("/", headers=headers) for headers in ({}, {}, {"host": "not-ours.example"})]
    assert [answer.status_code for answer in answers] == [200, 200, 400]
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert all(NEW.fullmatch(each) for each in ids)
    assert len(set(ids)) == 3


@pytest.mark.parametrize(
    ("address", "given", "taken"),
    [
        ("10.7.0.2", ["7c1f2a90-proxy.id_1"], True),
        ("192.0.2.1", ["7c1f2a90-proxy.id_1"], False),
        ("10.7.0.2", [], False),
        ("10.7.0.2", [""], False),
        ("10.7.0.2", ["short"], False),
        ("10.7.0.2", ["x" * 65], False),
        ("10.7.0.2", ["with a space in it"], False),
        ("10.7.0.2", ["line\tof-its-own"], False),
        ("10.7.0.2", ["<script>alert</script>"], False),
        ("10.7.0.2", ["7c1f2a90-proxy.id_1", "7c1f2a90-proxy.id_2"], False),
    ],
)
async def test_an_id_is_taken_of_our_proxies_alone(tmp_path: Path, address: str, given: list[str], taken: bool) -> None:
    headers = [("x-forwarded-for", "203.0.113.7"), *(("x-request-id", each) for each in given)]
    async with make_client(answer_nothing, tmp_path, trusted="10.7.0.0/16", address=address) as client:
        answer = await client.get("/", headers=headers)
    if taken:
        assert answer.headers["x-request-id"] == given[0]
        assert answer.headers["x-client"] == "203.0.113.7", "whom the proxy speaks for is found after its id"
    else:
        assert NEW.fullmatch(answer.headers["x-request-id"])


@pytest.fixture
def logged(capfd: pytest.CaptureFixture[str]) -> Any:
    """The lines of the log, as the program writes them."""
    set_up_logs(debug=False)
    yield lambda: [json.loads(line) for line in capfd.readouterr().err.splitlines() if line.startswith("{")]
    structlog.reset_defaults()
    logging.getLogger().handlers = []


async def test_every_line_of_a_request_has_its_id_and_no_other_s(tmp_path: Path, logged: Any) -> None:
    both = asyncio.Barrier(2)

    async def say(scope: Any, receive: Any, send: Any) -> None:
        await both.wait()
        structlog.get_logger("web").warning("said", path=scope["path"])
        logging.getLogger("library").warning("said by a library")
        await asyncio.to_thread(structlog.get_logger("web").warning, "said in a thread")
        await answer_nothing(scope, receive, send)

    async with make_client(say, tmp_path) as client:
        answers = await asyncio.gather(client.get("/a"), client.get("/b"))
    structlog.get_logger("web").warning("said by nobody")
    lines = logged()
    for path, answer in zip(("/a", "/b"), answers, strict=True):
        own = [line for line in lines if line.get("request_id") == answer.headers["x-request-id"]]
        assert [line["event"] for line in own] == ["said", "said by a library", "said in a thread"]
        assert own[0]["path"] == path
    assert [line["event"] for line in lines if "request_id" not in line] == ["said by nobody"]


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "If you report this, mention request {}."), ("pt-BR", "Se relatar isto, mencione a solicitação {}.")],
)
async def test_the_page_of_what_is_our_fault_says_the_id(
    tmp_path: Path, logged: Any, language: str, words: str
) -> None:
    async def fail(scope: Any, receive: Any, send: Any) -> None:
        raise ValueError("unforeseen")

    async with make_client(fail, tmp_path) as client:
        answer = await client.get("/", headers={"accept-language": language})
    assert answer.status_code == 500
    assert words.format(answer.headers["x-request-id"]) in answer.text
    assert [line["request_id"] for line in logged()] == [answer.headers["x-request-id"]]


async def test_the_page_of_a_refusal_has_nothing_to_quote(tmp_path: Path) -> None:
    async with make_client(answer_nothing, tmp_path) as client:
        answer = await client.post("/", headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403
    assert answer.headers["x-request-id"] not in answer.text


async def test_a_socket_has_the_id_of_its_handshake(shared_server: Server) -> None:
    async with shared_server.connect("acme") as socket:
        assert socket.response is not None
        request_id = socket.response.headers["x-request-id"]
        await socket.wait_closed()
    lines = [line for line in shared_server.log.splitlines() if f"request_id={request_id}" in line]
    assert any("closed by us" in line for line in lines)


async def test_a_request_that_does_not_arrive_has_an_id_too(shared_server: Server) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", shared_server.port)
    writer.write(b"GET / HTTP/1.1\r\nx-long: " + b"x" * 70_000)
    answer = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    found = re.search(rb"x-request-id: ([0-9a-f]{16})\r\n", answer)
    assert found
    assert f"request_id={found[1].decode()}" in next(
        line for line in shared_server.log.splitlines() if "request cut off" in line
    )
