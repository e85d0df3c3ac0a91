"""Whatever is sent to `/live`: it is answered or ends its own socket, and others get their events meanwhile."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import websockets
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import Server
from tests.faults.extent import times
from tests.faults.wire import (
    BINARY,
    CLOSE,
    CONT,
    FIN,
    PING,
    PONG,
    TEXT,
    Wire,
    close_payload,
    codes,
    dial,
    dial_live,
    frame,
    handshake,
    read_memory,
    text,
)
from tests.live.test_socket import add_book, follow, read_until

# What the server says when it ends a socket for what was sent (docs/live.md), and what it may send back of a close that
# it was sent (RFC 6455, 7.4; 1005 stands for none).
STATED = {1002, 1007, 1008, 1009}
ECHOED = {1000, 1001, 1003, 1005, 1010, 1011, 1012, 1013, 1014, *range(3000, 5000)}
MEMORY = 32 * 1024  # KiB: what a process may gain when it is warm, in thousands of sockets


@dataclass
class Witness:
    """Somebody who follows the books on a socket of their own while others misbehave."""

    server: Server
    client: httpx.AsyncClient
    socket: websockets.ClientConnection
    seen: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)

    @property
    def cookie(self) -> str:
        return str(self.client.headers["cookie"])

    async def check(self) -> None:
        """Another book is added, and its event arrives."""
        self.seen += 1
        title = f"While others misbehave, number {self.seen}."
        await add_book(self.client, title)
        await read_until(self.socket, title)

    async def note(self, outcome: str) -> None:
        """Count how it ended for somebody who misbehaved; each 20th time, see whether all is well."""
        self.outcomes[outcome] += 1
        if self.outcomes.total() % 20 == 0:
            await self.check()


@pytest.fixture
async def witness(shared_server: Server) -> AsyncIterator[Witness]:
    """Ana, who sees to it that the server goes on, and does not log what it should not have to."""
    logged = len(shared_server.log)
    async with AsyncExitStack() as stack:
        ana = await stack.enter_async_context(aclosing(await shared_server.sign_in("acme", "ana@acme.test")))
        socket = await stack.enter_async_context(shared_server.connect("acme", ana))
        await follow(socket, ana)
        made = Witness(shared_server, ana, socket)
        before = read_memory(shared_server)
        yield made
        await made.check()
    gained = read_memory(shared_server) - before
    log = shared_server.log[logged:]
    for word in ("Traceback", "Fatal", "[error", "[critical"):
        assert word not in log
    print(f"{made.outcomes.total()} times: {dict(made.outcomes)}; {made.seen} events meanwhile; {gained} KiB gained")


def played(few: int, full: int) -> Any:
    """So many examples, always the same ones."""
    return settings(
        max_examples=times(few, full),
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


def is_whole(data: bytes) -> bool:
    """Whether there is an end to what these bytes begin, so that something behind them is read as a frame.

    What fails by its first bytes has one.
    """
    place = 0
    while place < len(data):
        if len(data) < place + 2:
            return False
        first, second = data[place : place + 2]
        if first & 0x0F not in (CONT, TEXT, BINARY, CLOSE, PING, PONG) or second < 0x80:
            return True
        extra = {126: 2, 127: 8}.get(second & 0x7F, 0)
        length = int.from_bytes(data[place + 2 :][:extra], "big") if extra else second & 0x7F
        if len(data) < place + 2 + extra:
            return False
        if length > 64 * 1024:
            return True
        place += 2 + extra + 4 + length
    return place == len(data)


async def read_outcome(wire: Wire) -> tuple[int, bytes]:
    """The answer to a hello, or the close, beside what comes unasked."""
    while True:
        first, content = await wire.read_frame()
        if first == FIN | CLOSE or content.startswith(b"<!--@"):
            return first, content


async def play(witness: Witness, data: bytes) -> None:
    """Send bytes and a ping on a socket, and see how it ends: with the pong, with a code, or with neither."""
    last = FIN | PONG, b"the last word"
    async with dial_live(witness.server, "acme", witness.cookie) as wire:
        await wire.send(data + frame(FIN | PING, last[1]))
        if not is_whole(data):
            wire.writer.write_eof()  # the ping is a part of what was begun, and nothing has to come
            last = None
        frames = await wire.read_frames(last)
    if codes(frames):
        assert set(codes(frames)) <= STATED | ECHOED, codes(frames)
        await witness.note(f"closed with {codes(frames)[0]}")
    elif last is None:
        await witness.note("given up half-way")
    else:
        assert frames
        assert frames[-1] == last
        await witness.note("went on")


# With surrogates, which JSON can say, and UTF-8 cannot.
words = st.text(st.characters(), max_size=30)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=8,
)
counts = st.integers(0, 2**53 - 1)
patterns = ("tenant", "admins", "user", "record", "collection", "room", "news", "installation", "!close", "!unfollow")
numbers = st.integers(0, 10**18).map(str) | st.sampled_from(["999999999999999999", "9" * 40, "-1", "0", "007", "١٢"])
names = st.builds(
    "{}{}{}".format,
    st.sampled_from(patterns) | words,
    st.sampled_from([".", "..", ""]),
    numbers | st.just(""),
)
channels = st.lists(names, max_size=12).map(" ".join) | words
hellos = st.fixed_dictionaries({"sub": channels, "last": counts, "n": counts})
odd_hellos = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("sub", "last", "n", "x"), channels | counts | json_values)
)
depths = st.integers(1, 4000)
texts = st.one_of(
    hellos.map(json.dumps),
    odd_hellos.map(json.dumps),
    json_values.map(json.dumps),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=200),
    depths.map(lambda depth: "[" * depth),
    depths.map(lambda depth: '{"sub":' * (depth // 7) + "1" + "}" * (depth // 7)),
    st.builds('{{"sub": "tenant", "last": {}, "n": {}}}'.format, *[depths.map(lambda depth: "9" * depth)] * 2),
    st.sampled_from(["NaN", "Infinity", "1e400", "-0", "1.0"]).map('{{"sub": "tenant", "last": {0}, "n": {0}}}'.format),
).map(str.encode)  # fmt: skip


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    """A frame of any kind, some of them with a length that is not theirs, or written too long."""
    opcode = draw(st.sampled_from([TEXT] * 6 + [CONT] * 3 + [BINARY, CLOSE] + [PING, PONG] * 3) | st.integers(0, 15))
    fin = draw(st.sampled_from([FIN, FIN, FIN, 0]))
    first = fin | draw(st.sampled_from([0] * 50 + list(range(1, 8)))) << 4 | opcode
    kinds: list[st.SearchStrategy[bytes]] = [texts, st.binary(max_size=200)]
    if opcode == CLOSE:
        kinds.append(st.builds(close_payload, st.integers(0, 65_535), st.binary(max_size=130)))
    payload = draw(st.one_of(*kinds))
    masked = draw(st.sampled_from([True] * 20 + [False]))
    length = draw(st.sampled_from([None] * 20 + [0, 1, 125, 126, 5_000, 65_535, 65_537, 2**63, 2**64 - 1]))
    longer = draw(st.sampled_from([None] * 20 + [8]))
    return frame(first, payload, masked=masked, length=length, form=longer)


@played(150, 10_000)
@given(data=st.lists(frames(), min_size=1, max_size=5).map(b"".join))
async def test_random_frames_are_answered_or_end_their_socket(witness: Witness, data: bytes) -> None:
    await play(witness, data)


@played(100, 2_000)
@given(data=st.binary(min_size=1, max_size=400))
async def test_random_bytes_end_their_socket(witness: Witness, data: bytes) -> None:
    await play(witness, data)


@played(150, 10_000)
@given(payload=texts, cut=st.integers(0, 400))
async def test_random_texts_are_answered_or_end_their_socket(witness: Witness, payload: bytes, cut: int) -> None:
    """Whole or in two fragments: a hello is answered with its number, anything else is malformed, or too large."""
    async with dial_live(witness.server, "acme", witness.cookie) as wire:
        await wire.send(text(payload[:cut], payload[cut:]) if cut < len(payload) else text(payload))
        first, content = await read_outcome(wire)
        if first == FIN | CLOSE:
            assert content[:2] in (close_payload(1008), close_payload(1009))
            await witness.note(f"closed with {codes([(first, content)])[0]}")
        else:
            assert content.startswith(b"<!--@%d" % json.loads(payload)["n"])
            assert content.endswith(b"-->")
            assert content.count(b">") == 1
            await witness.note("answered")


@played(10, 500)
@given(data=st.binary(min_size=1, max_size=400) | frames(), at_once=st.booleans(), size=st.sampled_from([1, 1_000_000]))
async def test_what_comes_before_the_handshake_is_answered_does_no_harm(
    witness: Witness, data: bytes, *, at_once: bool, size: int
) -> None:
    """What comes with the handshake, or right behind it, be it much: it is answered all the same."""
    opening = handshake(witness.server, "acme", witness.cookie)
    data *= size // len(data) + 1
    async with AsyncExitStack() as stack:
        wires = [await stack.enter_async_context(dial(witness.server)) for _ in range(10)]
        for sent in [opening + data] if at_once else [opening, data]:
            for wire in wires:
                await wire.send(sent)
        for wire in wires:
            assert (await wire.read_answer()).status == 101
            await witness.note("answered")


handshake_fields = {
    b"Upgrade", b"Connection", b"Sec-WebSocket-Version", b"Sec-WebSocket-Key", b"Origin", b"Host", b"Cookie",
    b"Content-Length", b"Transfer-Encoding", b"Sec-WebSocket-Protocol", b"Sec-WebSocket-Extensions", b"Expect",
}  # fmt: skip
printable = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60).map(str.encode)
fields = st.builds(
    b"%s: %s".__mod__,
    st.tuples(
        st.sampled_from(sorted(handshake_fields)) | st.text("abcXYZ-_!#", min_size=1, max_size=20).map(str.encode),
        printable | st.just(b"x" * 9_000) | st.binary(max_size=40),
    ),
)


@played(150, 5_000)
@given(
    extra=st.lists(fields, max_size=2) | st.just([b"X-Many: 1"] * 200) | st.lists(st.binary(max_size=40), max_size=1),
    replaced=st.sampled_from([*sorted(handshake_fields), b"GET", b"/live", b"HTTP/1.1", b"nothing of it"]),
    by=printable
    | st.binary(max_size=30)
    | st.sampled_from([b"x" * 9_000, b"/\xff", b"/live?\xc3\xa3", b"POST", b"HTTP/1.0"]),
)
async def test_malformed_handshakes_are_refused(
    witness: Witness, extra: list[bytes], replaced: bytes, by: bytes
) -> None:
    """With fields nobody sends, or others in the place of those that have to be there: an answer, and no 500."""
    opening = handshake(witness.server, "acme", witness.cookie, *extra).replace(replaced, by, 1)
    async with dial(witness.server) as wire:
        await wire.send(opening)
        wire.writer.write_eof()
        rest = await wire.read_rest()
    status = int(rest[9:12]) if rest else 0
    assert status in (0, 101, 200, 303, 400, 403, 404, 405, 414, 426, 431), rest[:200]
    await witness.note(f"status {status}")


@pytest.mark.parametrize(
    ("name", "piece"),
    [
        ("pings, and nobody reads the pongs", frame(FIN | PING, b"x" * 125) * 1000),
        ("pongs", frame(FIN | PONG) * 20_000),
        ("a text in empty fragments", frame(TEXT) + frame(CONT) * 20_000),
        ("a text in single bytes", frame(TEXT) + frame(CONT, b"x") * 20_000),
    ],
)
async def test_a_flood_of_frames_ends_its_socket_and_holds_up_nobody(witness: Witness, name: str, piece: bytes) -> None:
    longest = 0.0

    async def flood() -> None:
        async with dial_live(witness.server, "acme", witness.cookie) as wire:
            for _ in range(20):
                await wire.send(piece)
            assert codes(await wire.read_frames()) == [1008]

    floods = [asyncio.create_task(flood()) for _ in range(times(4, 50))]
    while not all(task.done() for task in floods):
        began = time.monotonic()
        await witness.check()
        longest = max(longest, time.monotonic() - began)
    await asyncio.gather(*floods)
    print(f"{len(floods)} sockets flooded with {name}; an event took at most {longest:.2f} s")


async def test_sockets_that_end_badly_leave_nothing_in_memory(witness: Witness) -> None:
    """A great many of them, after so many that everything is warm."""
    refused = " ".join(f"record.{number}" for number in range(10**9, 10**9 + 100))
    bad = [
        text(b"[" * 4000),
        text(b'{"sub": "tenant", "last": 0, "n": ' + b"9" * 4000 + b"}"),
        text(json.dumps({"sub": refused, "last": 2**50, "n": 1}).encode()),
        text(b"x" * 8_000, b"x" * 8_000),
        frame(FIN | TEXT, b"\xff" * 4000),
        frame(TEXT, b"x" * 60_000) + frame(FIN | TEXT, b"x" * 60_000),
        frame(FIN | TEXT, b"x", length=2**63),
    ]

    async def end_badly(count: int) -> None:
        for number in range(count):
            async with dial_live(witness.server, "acme", witness.cookie) as wire:
                await wire.send(bad[number % len(bad)])
                await read_outcome(wire)
                await wire.send(frame(TEXT, b"x" * 8_000))  # and what is begun is not finished
                await witness.note("ended")

    await end_badly(times(60, 1000))
    before = read_memory(witness.server)
    await end_badly(times(120, 6000))
    gained = read_memory(witness.server) - before
    assert gained < MEMORY
    print(f"{before} KiB before, {gained} KiB gained")
