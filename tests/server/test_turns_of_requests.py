"""On a real server, whoever asks little waits for few of the steps of those who ask much."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
import uvicorn
import uvloop

from app.database import steps
from app.server.gate import Gate
from app.server.http_protocol import BoundedProtocol
from app.server.judging import Sites
from app.web.readiness import Readiness
from tests.test_isolation import SETTINGS

OTHERS, STEPS = 40, 8


class Walking:
    """An application whose every request takes some steps, and waits between them; `steps` are whose they were. It
    has a clock of its own, by which each step takes a millisecond."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.busy = asyncio.Event()

    def perf_counter(self) -> float:
        return len(self.steps) / 1000

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        whose = scope["state"]["slug"]
        for _ in range(STEPS):
            self.steps.append(whose)
            if len(self.steps) == OTHERS:
                self.busy.set()
            await asyncio.sleep(0)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})


async def ask(port: int, slug: str) -> bytes:
    """Ask for a page of a workspace; the first line of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET / HTTP/1.1\r\nHost: {slug}.{SETTINGS.base_host}\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    return answer.partition(b"\r\n")[0]


async def ask_beside_many(application: Walking) -> int:
    """Ask for a quiet workspace when many requests of a noisy one are on their way; how many steps of those came
    between its first step and its last."""
    nothing: Any = application
    gate = Gate(
        SETTINGS,
        Sites(
            SETTINGS,
            central=nothing,
            workspace=nothing,
            programs=nothing,
            live=nothing,
            gateway=nothing,
            incoming=nothing,
        ),
        readiness=Readiness(bus=lambda: "off"),
        limits=None,
        languages=nothing,
        send_away=lambda: asyncio.sleep(0),
    )
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(OTHERS * 2)
    config = uvicorn.Config(gate, http=BoundedProtocol, lifespan="off", log_level="warning")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve([listener]))
    port = listener.getsockname()[1]
    noisy = [asyncio.create_task(ask(port, "acme")) for _ in range(OTHERS)]
    await application.busy.wait()
    answers = [await ask(port, "globex"), *await asyncio.gather(*noisy)]
    assert set(answers) == {b"HTTP/1.1 200 OK"}
    server.should_exit = True
    await serving
    first = application.steps.index("globex")
    last = len(application.steps) - application.steps[::-1].index("globex")
    return application.steps[first:last].count("acme")


@pytest.mark.parametrize("run", [uvloop.run, asyncio.run])
def test_between_the_steps_of_a_quiet_request_there_is_one_of_the_others_at_most(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    application = Walking()
    monkeypatch.setattr(steps, "time", application)
    assert run(ask_beside_many(application)) <= STEPS
