"""Whatever stands in an address is understood or refused: what a list gave as `next` is taken as it was given alone."""

from __future__ import annotations

import base64
import json
import re
from contextlib import aclosing
from typing import Any

import httpx
import pytest

from app.programs.lists import write_cursor
from app.web.problems import AGENT_PATH
from tests.conftest import Server
from tests.programs.conftest import API, LetIn, add_token, call_with, problem_of
from tests.programs.described import OPERATIONS
from tests.programs.following import EVENTS, STREAM
from tests.programs.test_matrix import CALLS, ROOMS, VALUES, add_things
from tests.programs.test_streams import BOOKS

# What no list has given, however it is written: cut, in other words, with signs that decoders leave out, and places
# that there are not.
BROKEN_PLACES = (
    *("%00", "x", "%20", "%0a", "null", "None", "undefined", "0", "-1", "%ff", "%F0%9F%91%8D", "W10", "e30", "bnVsbA"),
    *("WzFd%00", "%00WzFd", "WzFd%20", "W!zFd", "WzFd==", "WzFd=", "WzF", "WyAxXQ", "WzFdCg", "x" * 5000),
    *(
        write_cursor(*place)
        for place in ((), (0,), (-1,), (2**63,), (2**200,), (1.5,), (True,), (None,), ("1",), ([1],))
    ),
    *(write_cursor(*place) for place in (("\0", 1), ("\ud800", 1), ("a", -1), (1, 2, 3, 4, 5), ({"a": 1},))),
    base64.urlsafe_b64encode(b"[" * 9000).decode(),
)
# What may stand in the place of any other parameter.
HOSTILE = (
    *(
        "%00",
        "a%00b",
        "%ff",
        "%ed%a0%80",
        "%EF%BF%BE",
        "%E2%80%AE",
        "%0d%0aSet-Cookie:a=b",
        "-1",
        "1e999",
        "1_0",
        "NaN",
    ),
    *("9" * 30, "0" * 20 + "9" * 5000, "x" * 9000, "'%22);--", "..%2F..%2F", "%25", "%2500", "[]", "{}", "a%00&a=b"),
    *("0000-00-00", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00%2B23:59", "2026-01-31T00:00:00%2B99:99"),
)
READS = [
    (path, [each["name"] for each in operation["parameters"] if each["in"] == "query"])
    for path, method, operation in OPERATIONS
    if method == "get" and not path.endswith(("/reference", "/openapi.json"))
]
PARAMETERS = {
    (path, method): [each["name"] for each in operation["parameters"] if each["in"] == "query"]
    for path, method, operation in OPERATIONS
}
LISTS = [path for path, names in READS if "next" in names]


def fill(path: str, things: dict[str, str], **others: str) -> str:
    known = VALUES | things | (ROOMS if "/rooms/" in path else {}) | others
    return re.sub(r"\{(\w+)\}", lambda found: known[found[1]], path)


@pytest.fixture(scope="module")
async def things(shared_server: Server) -> dict[str, str]:
    """What stands for parts of addresses: one of everything."""
    _, secret = add_token(shared_server, "acme", "ana@acme.test")
    spare, _ = add_token(shared_server, "acme", "davi@acme.test", name="spare")
    async with aclosing(call_with(shared_server, "acme", secret)) as client:
        return await add_things(client) | {"token_id": str(spare)}


async def ask(client: httpx.AsyncClient, path: str, query: str) -> httpx.Response:
    """Ask with a query as it is, which no client would write so."""
    return await client.get(httpx.URL(str(client.base_url).rstrip("/") + path, query=query.encode()))


def test_there_are_lists() -> None:
    assert len(LISTS) > 20


@pytest.mark.alike
@pytest.mark.parametrize("path", LISTS)
async def test_what_no_list_has_given_is_no_place_in_it(let_in: LetIn, things: dict[str, str], path: str) -> None:
    ana = await let_in("ana@acme.test")
    for broken in BROKEN_PLACES:
        answer = await ask(ana, fill(path, things), f"next={broken}")
        assert problem_of(answer) == (400, "bad-request"), broken
    if path.endswith("/discussion/messages"):  # nor of one that nobody has begun
        assert problem_of(await ask(ana, fill(path, things, number="39"), "next=x")) == (400, "bad-request")
    for more in ("next=WzFd%00", "limit=1&next=%00", "next=%00&next=", "q=a%00b", "%00=1"):
        assert problem_of(await ask(ana, fill(path, things), more)) == (400, "bad-request"), more


@pytest.mark.parametrize("query", ["sort=title", "changed_after=2020-01-01T00:00:00Z"])
async def test_a_place_of_texts_is_one_that_the_list_can_have(let_in: LetIn, query: str) -> None:
    ana = await let_in("ana@acme.test")
    given = (await ask(ana, f"{BOOKS}/records", f"{query}&limit=1")).json()["next"]
    assert (await ask(ana, f"{BOOKS}/records", f"{query}&limit=1&next={given}")).status_code == 200
    place: list[Any] = json.loads(base64.urlsafe_b64decode(given + "=" * (-len(given) % 4)))
    for odd in ("\0", "a\0", "\ud800", "\udfff!", *(() if "sort" in query else ("", "yesterday", "9999-99-99"))):
        for at in (each for each, value in enumerate(place) if isinstance(value, str)):
            broken = write_cursor(*place[:at], odd, *place[at + 1 :])
            answer = await ask(ana, f"{BOOKS}/records", f"{query}&limit=1&next={broken}")
            assert problem_of(answer) == (400, "bad-request"), (at, odd)


@pytest.mark.parametrize(("path", "names"), READS, ids=[path for path, _ in READS])
async def test_no_parameter_is_a_fault_of_ours(
    let_in: LetIn, things: dict[str, str], path: str, names: list[str]
) -> None:
    ana = await let_in("ana@acme.test")
    for value in HOSTILE:
        for name in names:
            answer = await ask(ana, fill(path, things), f"{name}={value}")
            assert answer.status_code < 500, f"{name}={value[:40]}: {answer.text[:200]}"
            if answer.status_code >= 400:
                problem_of(answer)
            if "%00" in value:
                assert answer.status_code == 400, f"{name}={value}"
        for part in re.findall(r"\{(\w+)\}", path) if "/.." not in value and "&" not in value else ():
            answer = await ask(ana, fill(path, things, **{part: value}), "")
            assert answer.status_code in (400, 404, 422, 429), f"{part}={value[:40]}: {answer.text[:200]}"
            problem_of(answer)


async def test_a_parameter_that_a_call_does_not_know_is_refused_by_name(let_in: LetIn, things: dict[str, str]) -> None:
    gil = await let_in("gil@globex.test", "globex")  # who searches nothing in other tests
    for call in CALLS:
        path = re.sub(r":\w+\}", "}", call.path)
        if path == AGENT_PATH:
            continue
        url = httpx.URL(f"{str(gil.base_url).rstrip('/')}{fill(path, things)}")
        unknown = {"afterr=1": {"afterr"}, "_&fields": {"_", "fields"}, "=1": {""}}
        expected = [(query, dict.fromkeys(names, "There is no such parameter.")) for query, names in unknown.items()]
        known = PARAMETERS[path, call.method.lower()]
        for query, said in (*expected, *((f"{name}=1&{name}=2", {name: "Send it once."}) for name in known)):
            content = b"" if call.brings else None
            refused = await gil.request(call.method, url.copy_with(query=query.encode()), content=content)
            assert problem_of(refused) == (422, "invalid"), (call.name, query)
            assert {each["field"]: each["detail"] for each in refused.json()["errors"]} == said


async def test_the_last_id_of_a_stream_is_a_cursor(let_in: LetIn) -> None:
    ana = await let_in("ana@acme.test")
    for odd in ("-1", "x", "1.0", "1_0", "٣", "9" * 16, "9" * 5000, "0" * 20 + "9" * 30, "0" * 20 + "9" * 5000, "1,2"):
        answer = await ana.get(EVENTS, headers={**STREAM, "last-event-id": odd.encode()})
        assert problem_of(answer) == (400, "bad-request"), odd
    for odd in ("-1", "x", str(2**53), "9" * 5000, "%00", "1%00"):
        answer = await ask(ana, EVENTS, f"after={odd}")
        assert problem_of(answer)[0] in (400, 422), odd


async def test_nothing_that_is_none_says_the_number_of_a_thing(let_in: LetIn) -> None:
    ana = await let_in("ana@acme.test")
    for odd in ("0", "-1", "+1", "1_0", "٣", "1.0", "1e3", "9" * 30, "9" * 5000, "0x1", "%31%00"):
        for path in (f"{BOOKS}/records", f"{API}/rooms/general/messages", f"{API}/files", f"{API}/members"):
            answer = await ana.get(f"{path}/{odd}")
            assert problem_of(answer)[0] in (400, 404, 405), f"{path}/{odd}"
