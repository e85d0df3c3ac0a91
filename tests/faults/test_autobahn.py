"""Autobahn's client against `/live`: the cases of its test suite, sections 1 to 7, and what a page does.

The suite itself (`wstest`) runs on Python 2 alone and wants a server that sends back what it gets. Here a message is a
hello, padded to what the case is about, and the answer to it is what comes back. `sendFrame` is the suite's own way of
sending what no client may send. The numbers are the suite's, the codes those of RFC 6455.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from autobahn.asyncio.websocket import WebSocketClientFactory, WebSocketClientProtocol

from app.live.socket import HELLO_SIZE_LIMIT
from tests.conftest import Server
from tests.live.test_socket import add_book, open_page

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
NO_CODE = 1005


class Page(WebSocketClientProtocol):
    """A page's end of a socket, which keeps all that comes."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.pongs: list[bytes] = []
        self.closed: tuple[bool, int, str | None] | None = None
        self.ready = False
        self.changed = asyncio.Event()

    def onOpen(self) -> None:
        self.ready = True
        self.changed.set()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        assert not isBinary
        self.texts.append(payload.decode())
        self.changed.set()

    def onPong(self, payload: bytes) -> None:
        self.pongs.append(payload)
        self.changed.set()

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        self.closed = (wasClean, code if code is not None else NO_CODE, reason)
        self.changed.set()

    async def wait(self, condition: Callable[[], bool]) -> None:
        """Wait until something is true of what has come."""
        async with asyncio.timeout(20):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    @property
    def answers(self) -> list[int]:
        """The numbers of the hellos that are answered."""
        return [int(found[1]) for text in self.texts if (found := re.match(r"<!--@(\d+)", text))]


@asynccontextmanager
async def open_socket(server: Server, client: httpx.AsyncClient, **options: Any) -> AsyncIterator[Page]:
    """Dial /live with Autobahn's client, as the page of somebody who is signed in."""
    loop = asyncio.get_running_loop()
    factory = WebSocketClientFactory(
        f"ws://{server.host('acme')}/live",
        origin=f"http://{server.host('acme')}",
        headers={"Cookie": client.headers["cookie"]},
        loop=loop,
    )
    factory.protocol = Page
    # The library gives up a handshake after a second or some; a busy machine may take longer.
    factory.setProtocolOptions(**{"openHandshakeTimeout": 20, "closeHandshakeTimeout": 20, **options})
    transport, page = await loop.create_connection(factory, "127.0.0.1", server.port)
    try:
        await page.wait(lambda: page.ready)
        yield page
        await page.wait(lambda: page.closed is not None)
    finally:
        transport.abort()


@pytest.fixture(scope="module")
async def carla(shared_server: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with aclosing(await shared_server.sign_in("acme", "carla@acme.test")) as client:
        yield client


def hello(number: int = 1, *, size: int = 0, pad: bytes = b"", channels: str = "tenant", last: int = 0) -> bytes:
    """A hello, padded to a size in bytes, or with these bytes in it."""
    start = json.dumps({"sub": channels, "last": last, "n": number})[:-1].encode() + b', "pad": "'
    return start + (pad or b"*" * (size - len(start) - 2)) + b'"}'


@dataclass(frozen=True)
class Frame:
    """A frame that Autobahn sends; with `chop` so many bytes at a time."""

    opcode: int
    payload: bytes = b""
    fin: bool = True
    rsv: int = 0
    chop: int | None = None


@dataclass(frozen=True)
class Case:
    """What is sent, what comes back of hellos and pings, and the code of the end.

    Without a code all is well: everything comes back, and the page ends the socket with 1000.
    """

    frames: tuple[Frame, ...]
    answers: tuple[int, ...] = ()
    pongs: tuple[bytes, ...] = ()
    code: int | None = None


def well(*frames: Frame, answers: Iterable[int] = (), pongs: Iterable[bytes] = ()) -> Case:
    return Case(frames, tuple(answers), tuple(pongs))


def ends(code: int, *frames: Frame, pongs: Iterable[bytes] = ()) -> Case:
    return Case(frames, pongs=tuple(pongs), code=code)


def split(opcode: int, payload: bytes, size: int, between: tuple[Frame, ...] = ()) -> tuple[Frame, ...]:
    """A message in fragments of a size, with other frames between them."""
    pieces = [payload[place : place + size] for place in range(0, len(payload), size)]
    frames: list[Frame] = []
    for index, piece in enumerate(pieces):
        frames += between if index else ()
        frames.append(Frame(CONT if index else opcode, piece, fin=index == len(pieces) - 1))
    return tuple(frames)


def close(code: int, reason: bytes = b"") -> Frame:
    return Frame(CLOSE, code.to_bytes(2, "big") + reason)


HELLO = hello(1)
PING_A, PONG_A = Frame(PING, b"a"), Frame(PONG, b"unasked")
cases: dict[str, Case] = {}

# 1 Framing. The bound of a message is 8 KiB (docs/live.md); binary messages are nothing that a page sends.
cases["1.1.1 an empty text"] = ends(1008, Frame(TEXT))
for size in (125, 126, 127, 128, HELLO_SIZE_LIMIT):
    cases[f"1.1 a text of {size} bytes"] = well(Frame(TEXT, hello(1, size=size)), answers=[1])
for size in (HELLO_SIZE_LIMIT + 1, 65_535, 65_536, 65_537, 1_000_000):
    cases[f"1.1 a text of {size} bytes"] = ends(1009, Frame(TEXT, hello(1, size=size)))
cases["1.1.8 a text in pieces of 997 bytes"] = well(Frame(TEXT, hello(1, size=HELLO_SIZE_LIMIT), chop=997), answers=[1])
for size in (0, 125, 126, 127, 128, 65_535, 65_536):
    cases[f"1.2 {size} bytes that are no text"] = ends(1008, Frame(BINARY, b"\xfe" * size))

# 2 Pings and pongs.
for name, payload in {
    "2.1 without a payload": b"",
    "2.2 with a text": b"Hello, world!",
    "2.3 with bytes": b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff",
    "2.4 with 125 bytes": b"\xfe" * 125,
}.items():
    cases[f"{name}"] = well(Frame(PING, payload), pongs=[payload])
cases["2.5 a ping with 126 bytes"] = ends(1002, Frame(PING, b"\xfe" * 126))
cases["2.6 a ping byte by byte"] = well(Frame(PING, b"\xfe" * 125, chop=1), pongs=[b"\xfe" * 125])
cases["2.7 a pong nobody asked for"] = well(Frame(PONG))
cases["2.8 a pong nobody asked for, with a payload"] = well(PONG_A)
cases["2.9 such a pong, and a ping"] = well(PONG_A, PING_A, pongs=[b"a"])
for chop in (None, 1):
    pings = [Frame(PING, b"payload-%d" % number, chop=chop) for number in range(10)]
    cases[f"2.10 ten pings, in pieces of {chop}"] = well(*pings, pongs=[ping.payload for ping in pings])

# 3 Reserved bits, without an extension that gives them a meaning.
for rsv in range(1, 8):
    for opcode in (TEXT, BINARY, PING, PONG, CLOSE):
        cases[f"3 reserved bits {rsv} and opcode {opcode}"] = ends(1002, Frame(opcode, rsv=rsv))
    cases[f"3 reserved bits {rsv} after a hello, then a ping"] = ends(
        1002, Frame(TEXT, HELLO), Frame(TEXT, HELLO, rsv=rsv), PING_A
    )
    cases[f"3 reserved bits {rsv}, byte by byte"] = ends(1002, Frame(TEXT, HELLO, rsv=rsv, chop=1))

# 4 Reserved opcodes.
for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
    cases[f"4 opcode {opcode}"] = ends(1002, Frame(opcode))
    cases[f"4 opcode {opcode} with a payload"] = ends(1002, Frame(opcode, b"reserved"))
    cases[f"4 opcode {opcode} between a hello and a ping"] = ends(1002, Frame(TEXT, HELLO), Frame(opcode), PING_A)

# 5 Fragments.
half = len(HELLO) // 2
cases["5.1 a ping in two"] = ends(1002, *split(PING, b"abcdef", 3))
cases["5.2 a pong in two"] = ends(1002, *split(PONG, b"abcdef", 3))
cases["5 a close in two"] = ends(1002, *split(CLOSE, close(1000, b"abcdef").payload, 4))
cases["5.3 a text in two"] = well(*split(TEXT, HELLO, half + 1), answers=[1])
cases["5.5 a text in two, byte by byte"] = well(
    Frame(TEXT, HELLO[:half], fin=False, chop=1), Frame(CONT, HELLO[half:], chop=1), answers=[1]
)
cases["5.6 a text in two, with a ping between"] = well(
    *split(TEXT, HELLO, half + 1, (PING_A,)), answers=[1], pongs=[b"a"]
)
cases["5 a text in single bytes, with pings and pongs between"] = well(
    *split(TEXT, HELLO, 1, (PING_A, PONG_A)), answers=[1], pongs=[b"a"] * (len(HELLO) - 1)
)
for number, fin in (("5.9", True), ("5.12", False)):
    cases[f"{number} a continuation of nothing, the last one {fin}"] = ends(
        1002, Frame(CONT, b"non-continuation", fin=fin), Frame(TEXT, HELLO)
    )
    cases[f"{number} a continuation after a whole text, the last one {fin}"] = ends(
        1002, Frame(TEXT, HELLO), Frame(CONT, b"non-continuation", fin=fin)
    )
cases["5.15 a continuation after a text in two"] = ends(
    1002, *split(TEXT, HELLO, half + 1), Frame(CONT, b"non-continuation", fin=False), Frame(TEXT, HELLO)
)
cases["5.16 continuations before texts, over and over"] = ends(
    1002, *(Frame(CONT, b"x", fin=False), *split(TEXT, HELLO, half + 1)) * 2
)
cases["5.18 a text within a text"] = ends(1002, Frame(TEXT, HELLO[:half], fin=False), Frame(TEXT, HELLO[half:]))
cases["5.19 a text in five, with pings between"] = well(
    *split(TEXT, HELLO, len(HELLO) // 5 + 1, (PING_A,)), answers=[1], pongs=[b"a"] * 4
)
cases["5 too much in fragments"] = ends(1009, *split(TEXT, b"x" * 70_000, 1000))
cases["5 empty fragments"] = well(
    Frame(TEXT, fin=False), *[Frame(CONT, fin=False)] * 500, Frame(CONT, HELLO), answers=[1]
)

# 6 UTF-8.
for name, value in {
    "6.2 signs of Latin": "Hello-µ@ßöäüàá-UTF-8!!",
    "6.5 Greek": "κόσμε",
    "6.7 the first ones of each length": "\u0080\u0800\U00010000",
    "6.9 the last ones of each length": "\u007f\u07ff\uffff\U0010ffff",
    "6.11 beside the surrogates": "\ud7ff\ue000\ufffd",
    "6.22 no characters": "".join(
        chr(plane + low) for plane in range(0, 0x110000, 0x10000) for low in (0xFFFE, 0xFFFF)
    ),
}.items():
    message = hello(pad=value.encode())
    cases[f"{name}"] = well(Frame(TEXT, message), answers=[1])
    cases[f"{name}, byte by byte"] = well(Frame(TEXT, message, chop=1), answers=[1])
    cases[f"{name}, in single bytes"] = well(*split(TEXT, message, 1), answers=[1])
for name, sequence in {
    "6.3 a surrogate in a word": b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",
    "6.4 beyond the last plane": b"\xce\xba\xe1\xbd\xb9\xf4\x90\x80\x80edited",
    "6.6 a word cut in a sign": "κόσμε".encode()[:-1],
    "6.8 five bytes": b"\xf8\x88\x80\x80\x80",
    "6.8 six bytes": b"\xfc\x84\x80\x80\x80\x80",
    "6.10 after the last sign": b"\xf4\x90\x80\x80",
    "6.10 the last ones of five and six bytes": b"\xfb\xbf\xbf\xbf\xbf\xfd\xbf\xbf\xbf\xbf\xbf",
    "6.12 the first continuation": b"\x80",
    "6.12 the last continuation": b"\xbf",
    "6.12 two continuations": b"\x80\xbf",
    "6.12 all continuations": bytes(range(0x80, 0xC0)),
    "6.13 lonely starts of two": b"".join(bytes((first, 32)) for first in range(0xC0, 0xE0)),
    "6.13 lonely starts of three": b"".join(bytes((first, 32)) for first in range(0xE0, 0xF0)),
    "6.13 lonely starts of four": b"".join(bytes((first, 32)) for first in range(0xF0, 0xF8)),
    "6.14 without the last of two": b"\xc3",
    "6.14 without the last of three": b"\xe2\x82",
    "6.14 without the last of four": b"\xf0\x90\x8d",
    "6.15 all of these": b"\xc3\xe2\x82\xf0\x90\x8d",
    "6.16 impossible bytes": b"\xfe\xff\xff\xfe",
    "6.17 a slash in two": b"\xc0\xaf",
    "6.17 a slash in three": b"\xe0\x80\xaf",
    "6.17 a slash in four": b"\xf0\x80\x80\xaf",
    "6.18 the last one too long by one": b"\xc1\xbf\xe0\x9f\xbf\xf0\x8f\xbf\xbf",
    "6.19 nothing in two": b"\xc0\x80",
    "6.20 a high surrogate": b"\xed\xa0\x80",
    "6.20 a low surrogate": b"\xed\xbf\xbf",
    "6.21 a pair of surrogates": b"\xed\xa0\x80\xed\xb0\x80",
}.items():
    message = hello(pad=sequence)
    cases[f"{name}"] = ends(1007, Frame(TEXT, message))
    cases[f"{name}, byte by byte"] = ends(1007, Frame(TEXT, message, chop=1))
    cases[f"{name}, in single bytes"] = ends(1007, *split(TEXT, message, 1))
    cases[f"{name}, and more behind it"] = ends(1007, Frame(TEXT, sequence), PING_A, PONG_A, Frame(TEXT, sequence))

# 7 Closing. What follows a close is ignored.
cases["7.1.1 a hello, and a close"] = well(Frame(TEXT, HELLO), answers=[1])
cases["7.1.2 two closes"] = ends(1000, close(1000), close(1001))
cases["7.1.3 a ping after the close"] = ends(1000, close(1000), PING_A)
cases["7.1.4 a text after the close"] = ends(1000, close(1000), Frame(TEXT, HELLO))
# The suite wants 1000 here. RFC 6455 (5.5.1) leaves it open, and to websockets it is an error.
cases["7.1.5 a close within a text"] = ends(1002, Frame(TEXT, HELLO[:half], fin=False), close(1000))
cases["7.3.1 a close without a code"] = ends(NO_CODE, Frame(CLOSE))
cases["7.3.2 a close with one byte"] = ends(1002, Frame(CLOSE, b"a"))
cases["7.3.4 a close with a reason"] = ends(1000, close(1000, b"Hello World!"))
cases["7.3.5 a close with the longest reason"] = ends(1000, close(1000, b"*" * 123))
cases["7.3.6 a close with a reason that is too long"] = ends(1002, close(1000, b"*" * 124))
cases["7.5.1 a reason that is not UTF-8"] = ends(1007, close(1000, b"\xce\xba\xe1\xbd\xb9\xed\xa0\x80edited"))
for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4401, 4999):
    cases[f"7.7 a close with the code {code}"] = ends(code, close(code))
for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535):
    cases[f"7.9 a close with the code {code}, which nobody may send"] = ends(1002, close(code))


@pytest.mark.parametrize("case", cases.values(), ids=cases.keys())
async def test_a_case_of_the_suite_ends_as_the_standard_says(
    shared_server: Server, carla: httpx.AsyncClient, case: Case
) -> None:
    async with open_socket(shared_server, carla) as page:
        for frame in case.frames:
            page.sendFrame(
                frame.opcode, frame.payload, fin=frame.fin, rsv=frame.rsv, chopsize=frame.chop, sync=bool(frame.chop)
            )
        if case.code is None:
            await page.wait(lambda: len(page.answers) >= len(case.answers) and len(page.pongs) >= len(case.pongs))
            page.sendClose(1000, "done")
        await page.wait(lambda: page.closed is not None)
    assert page.closed is not None
    assert page.closed[:2] == (True, case.code or 1000)
    if case.code is None:
        assert page.answers == list(case.answers)
        assert page.pongs == list(case.pongs)


async def test_frames_without_a_mask_end_the_socket_with_1002(shared_server: Server, carla: httpx.AsyncClient) -> None:
    async with open_socket(shared_server, carla, maskClientFrames=False) as page:
        page.sendMessage(HELLO)
    assert page.closed == (True, 1002, "incorrect masking")


@pytest.mark.parametrize("fragment", [0, 1, 7])
async def test_autobahns_client_can_be_a_page(shared_server: Server, carla: httpx.AsyncClient, fragment: int) -> None:
    """Hello, replay, live events and the end, with whole messages and with fragments."""
    channels, cursor = await open_page(carla)
    await add_book(carla, f"Missed by Autobahn, in fragments of {fragment}")
    async with open_socket(shared_server, carla, autoFragmentSize=fragment) as page:
        page.sendMessage(hello(5, channels=channels, last=cursor))
        await page.wait(lambda: f"Missed by Autobahn, in fragments of {fragment}" in "".join(page.texts))
        assert page.answers == [5]
        await add_book(carla, f"Seen by Autobahn, in fragments of {fragment}")
        await page.wait(lambda: f"Seen by Autobahn, in fragments of {fragment}" in "".join(page.texts))
        page.sendPing(b"still here?")
        await page.wait(lambda: page.pongs == [b"still here?"])
        page.sendClose(4000, "até logo")
    assert page.closed == (True, 4000, "até logo")


async def test_no_case_left_a_traceback(shared_server: Server) -> None:
    assert "Traceback" not in shared_server.log
    assert "Fatal" not in shared_server.log
