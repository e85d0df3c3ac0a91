"""What a function takes and is given is worked out when its page is first asked for, and not at each start."""

from __future__ import annotations

from collections.abc import Iterator

from litestar import Litestar, get, post
from litestar._kwargs import KwargsModel
from litestar.routes import HTTPRoute
from litestar.testing import AsyncTestClient
from litestar.types import Empty

from app.server.asgi import Pages
from app.web.fast.late_arguments import LateArguments, QuickStart


@get("/{number:int}")
async def show(number: int, also: str = "") -> str:
    return f"{number} {also}"


@get("/else")
async def show_else() -> str:
    return "else"


@post("/else")
async def add_else() -> str:
    return "added"


def arguments_of(site: Litestar) -> Iterator[KwargsModel]:
    """What the functions of all pages are given."""
    for route in site.routes:
        if isinstance(route, HTTPRoute):
            yield from (arguments for _, arguments in route.route_handler_map.values())


def is_worked_out(arguments: KwargsModel) -> bool:
    """Whether it is known what a function is given; without asking, which would work it out."""
    try:
        object.__getattribute__(arguments, "has_kwargs")
    except AttributeError:
        return False
    return True


async def test_pages_answer_as_the_framework_has_it() -> None:
    answers = []
    for kind in (QuickStart, Litestar):
        async with AsyncTestClient(kind([show, show_else, add_else], openapi_config=None)) as client:
            asked = [await client.get("/7?also=there"), await client.get("/7"), await client.get("/seven")]
            asked += [await client.get("/else"), await client.post("/else"), await client.options("/else")]
            answers.append([(each.status_code, each.text, each.headers.get("allow")) for each in asked])
    assert answers[0] == answers[1]
    assert answers[0][:2] == [(200, "7 there", None), (200, "7 ", None)]


async def test_only_what_is_asked_for_is_worked_out() -> None:
    site = QuickStart([show, show_else], openapi_config=None)
    async with AsyncTestClient(site) as client:
        await client.get("/7")
    assert sorted(is_worked_out(each) for each in arguments_of(site)) == [False, False, False, True]


def test_a_start_reads_the_function_of_no_page_and_works_out_no_arguments() -> None:
    pages = Pages()
    for site in (pages.workspace, pages.central, pages.programs.endpoints):
        found = list(arguments_of(site))
        assert found
        for each in found:
            assert isinstance(each, LateArguments)
            assert not is_worked_out(each)
            assert each.handler._parsed_fn_signature is Empty


def test_each_function_of_a_page_is_one_that_the_framework_takes() -> None:
    pages = Pages()
    for site in (pages.workspace, pages.central, pages.programs.endpoints):
        for each in arguments_of(site):
            assert each.expected_query_params is not None  # raises where it does not
            assert is_worked_out(each)


async def test_what_there_is_to_call_is_described_as_the_framework_has_it() -> None:
    described = [kind([show, show_else, add_else]).openapi_schema.to_schema() for kind in (QuickStart, Litestar)]
    assert described[0] == described[1]
    assert set(described[0]["paths"]) == {"/else", "/{number}"}


async def test_the_framework_alone_would_work_them_out_at_once() -> None:
    """When it does no more, `QuickStart` has less to earn."""
    assert all(is_worked_out(each) for each in arguments_of(Litestar([show, show_else], openapi_config=None)))
