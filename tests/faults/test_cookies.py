"""Cookies that nobody was given: none of them signs anybody in, and none of them is our fault."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TextIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import Server
from tests.faults.extent import times
from tests.faults.wire import Answer, codes, dial, handshake, request, text

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
HEADER_LIMIT = 32 * 1024


@dataclass
class Doors:
    """A server, real sessions of all kinds, its log from here on, and what it answers to somebody without a session."""

    server: Server
    tokens: dict[str, str]
    log: TextIO
    refusals: dict[str, Any] = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)

    async def knock(self, door: str, cookie: bytes) -> tuple[Any, ...]:
        """Come with a cookie; what the answer says, without what may differ each time."""
        given = [b"Cookie: " + cookie] if cookie else []
        async with dial(self.server) as wire:
            if door == "socket":
                answer = await wire.ask(handshake(self.server, "acme", cookie))
                if answer.status != 101:
                    return self.kind(answer)
                await wire.send(text(b'{"sub": "tenant", "last": 0, "n": 1}'))
                frames = [await wire.read_frame()]
                while not frames[-1][1].startswith(b"<!--@1") and not codes(frames):  # the hello's answer, or the end
                    frames.append(await wire.read_frame())
                return 101, codes(frames)
            if door == "form":
                return self.kind(
                    await wire.ask(request(self.server, "acme", "POST /account/name", *given, body=b"name=Eva"))
                )
            site, page = ("", "/operator") if door == "operators' page" else ("acme", "/c/books")
            return self.kind(await wire.ask(request(self.server, site, f"GET {page}", *given)))

    def kind(self, answer: Answer) -> tuple[Any, ...]:
        """What is the same in answers of one kind, and whether it is for a member."""
        is_signed_in = b"data-member" in answer.body
        return answer.status, answer.headers.get("location"), sorted(answer.headers), len(answer.body), is_signed_in


DOORS = ("page", "form", "socket", "operators' page")


@pytest.fixture(scope="module")
async def doors(shared_server: Server) -> AsyncIterator[Doors]:
    """Ana's session, one of another workspace, one that is over, one that was ended, and an operator's."""
    tokens = {}
    async with AsyncExitStack() as stack:
        for name, slug, email in (
            ("ana", "acme", "ana@acme.test"),
            ("of another workspace", "globex", "gil@globex.test"),
            ("expired", "acme", "davi@acme.test"),
            ("ended", "acme", "carla@acme.test"),
        ):
            client = await stack.enter_async_context(aclosing(await shared_server.sign_in(slug, email)))
            tokens[name] = client.headers["cookie"].partition("=")[2]
            if name == "ended":
                assert (await client.post("/logout")).status_code == 303
        past = datetime.now(UTC) - timedelta(minutes=1)
        shared_server.store.rows(
            "UPDATE session SET expires_at = ? WHERE member_id = (SELECT id FROM member WHERE email = ?)",
            past,
            "davi@acme.test",
        )
        log = stack.enter_context((shared_server.data_dir / "server.log").open())
        made = Doors(shared_server, tokens, log)
        made.refusals = {door: await made.knock(door, b"") for door in DOORS}
        opened = [await made.knock(door, f"session={tokens['ana']}".encode()) for door in ("page", "form")]
        assert [kind[0] for kind in opened] == [200, 303]
        assert opened[0][-1]
        assert opened[1] != made.refusals["form"]
        yield made


Mutation = Callable[[str, int, str], bytes]
MUTATIONS: dict[str, Mutation] = {
    "another sign": lambda token, place, sign: (
        token[:place].encode() + (sign if sign != token[place] else ".").encode() + token[place + 1 :].encode()
    ),
    "one sign less": lambda token, place, _: (token[:place] + token[place + 1 :]).encode(),
    "one sign more": lambda token, place, sign: (token[:place] + sign + token[place:]).encode(),
    "cut": lambda token, place, _: token[:place].encode(),
    "upside down": lambda token, *_: token[::-1].encode(),
    "the other case": lambda token, *_: token.swapcase().encode(),
    "quoted": lambda token, *_: b'"%s"' % token.encode(),
    "twice in one": lambda token, *_: token.encode() * 2,
    "encoded": lambda token, place, _: (token[:place] + f"%{ord(token[place]):02x}" + token[place + 1 :]).encode(),
    "with a signature": lambda token, place, sign: f"{token}.{sign * place}x".encode(),
    "with a path": lambda token, *_: b"../" + token.encode(),
}
places = st.integers(0, 42)
signs = st.sampled_from(ALPHABET)
plain = st.text(ALPHABET + "%&+/=.:!#$'()*<>?@[]^`{|}~\"\\,", max_size=80).map(str.encode)
unprintable = st.binary(min_size=1, max_size=60).map(lambda value: value.translate(None, b"\r\n\0"))

# A cookie of each of these is made from the tokens, with what has to come of it.
Made = Callable[[dict[str, str]], bytes]
UNKNOWN, UNTRUSTED, EITHER = "as without one", "not to be trusted", "either"


def spoilt(how: str, place: int, sign: str) -> Made:
    return lambda tokens: b"session=" + MUTATIONS[how](tokens["ana"], place, sign)


def somebody_elses(whose: str, name: str) -> Made:
    return lambda tokens: f"{name}={tokens[whose]}".encode()


def doubled(first: bytes, second: bytes, between: bytes) -> Made:
    def make(tokens: dict[str, str]) -> bytes:
        token = tokens["ana"].encode()
        return b"session=" + (first or token) + between + b"session=" + (second or token)

    return make


def named(name: bytes) -> Made:
    return lambda tokens: name + b"=" + tokens["ana"].encode()


def fixed(cookie: bytes) -> Made:
    return lambda tokens: cookie


def sure(kind: str, made: st.SearchStrategy[Made]) -> st.SearchStrategy[tuple[str, Made]]:
    return st.tuples(st.just(kind), made)


strangers = st.sampled_from(["of another workspace", "expired", "ended"])
other_names = st.sampled_from(["__Host-session", "operator", "x-session"])
odd_names = st.sampled_from([b"Session", b"SESSION", b"sess\xc3\xa3o", b"\xa0session", b"session "])
cookies = st.one_of(
    sure(UNKNOWN, st.builds(spoilt, st.sampled_from(sorted(MUTATIONS)), places, signs)),
    sure(UNKNOWN, st.builds(somebody_elses, strangers, st.just("session"))),
    sure(UNKNOWN, st.builds(somebody_elses, st.just("ana"), other_names)),
    sure(UNKNOWN, plain.map(lambda value: fixed(b"session=" + value.replace(b" ", b"")))),
    sure(UNKNOWN, st.lists(plain, max_size=50).map(lambda parts: fixed(b";".join(b"a=" + part for part in parts)))),
    sure(UNTRUSTED, st.builds(doubled, st.just(b"") | plain, plain, st.sampled_from([b";", b"; ", b"; a=b; "]))),
    sure(UNKNOWN, odd_names.map(named)),
    sure(EITHER, unprintable.map(lambda value: fixed(b"session=" + value))),
    sure(EITHER, unprintable.map(fixed)),
    sure(EITHER, st.integers(4_000, 60_000).map(lambda size: fixed(b"session=" + b"x" * size))),
    sure(EITHER, st.integers(100, 8_000).map(lambda count: fixed(b"a=b;" * count))),
)  # fmt: skip


@settings(
    max_examples=times(150, 10_000), deadline=None, derandomize=True, database=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
@given(example=cookies)
async def test_no_malformed_cookie_signs_anybody_in(doors: Doors, example: tuple[str, Made]) -> None:
    """On a page, a form, a socket and the operators' page: never a 500, and the answers are of two kinds alone.

    One is what somebody without a cookie gets. The other refuses a header that can't be trusted, or is too large.
    """
    expected, make = example
    cookie = make(doors.tokens)
    answers = await asyncio.gather(*[doors.knock(door, cookie) for door in DOORS])
    for door, answer in zip(DOORS, answers, strict=True):
        if answer == doors.refusals[door]:
            assert expected != UNTRUSTED or door in ("socket", "operators' page")
            doors.outcomes[f"{door} as without one"] += 1
        else:
            assert expected != UNKNOWN or len(cookie) > HEADER_LIMIT - 1024
            assert answer[0] in (400, 431) or (answer[0] == 403 and door == "socket"), answer
            assert not answer[-1]
            doors.outcomes[f"{door} refused"] += 1
    log = doors.log.read()
    assert "Traceback" not in log
    values = [part.partition("=")[2] for part in cookie.decode("latin-1").split(";")]
    for value in (*values, *doors.tokens.values()):
        assert len(value) < 12 or value[:16] not in log


@pytest.mark.parametrize("size", [7_000, 9_000, 20_000, 31_000, 33_000])
async def test_a_page_that_opens_with_the_cookies_of_a_neighbour_is_live_too(doors: Doors, size: int) -> None:
    cookie = b"session=" + doors.tokens["ana"].encode() + b"; a=" + b"x" * size
    page, live = await doors.knock("page", cookie), await doors.knock("socket", cookie)
    assert (page[0], live[0]) == ((200, 101) if size < HEADER_LIMIT - 1024 else (431, 431))


def test_what_came_of_them(doors: Doors) -> None:
    """Each door was tried with each of them, and both kinds of answer came."""
    assert {key.rpartition(" ")[2] for key in doors.outcomes} == {"one", "refused"}
    assert doors.outcomes.total() >= len(DOORS) * times(150, 10_000)
    print(f"{doors.outcomes.total()} answers: {dict(doors.outcomes)}")
