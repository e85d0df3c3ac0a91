"""What a page depends on is resolved in its own task, in an order in which each comes after what it needs."""

from __future__ import annotations

import asyncio
import operator
from typing import Any

import pytest
from litestar import Litestar, get
from litestar.di import Provide
from litestar.routes import HTTPRoute
from litestar.testing import AsyncTestClient

from app.server.asgi import Pages
from app.web.fast.late_arguments import QuickStart


async def tasks_of(*, in_turn: bool) -> tuple[set[str], str]:
    """The tasks in which two dependencies of a page and one that needs both are resolved, and the page's own."""

    async def provide_first() -> str:
        return name_task()

    async def provide_second() -> str:
        return name_task()

    async def provide_third(first: str, second: str) -> str:
        return name_task()

    def name_task() -> str:
        task = asyncio.current_task()
        assert task is not None
        return task.get_name()

    @get("/")
    async def show(first: str, second: str, third: str) -> dict[str, list[str]]:
        return {"found": [first, second, third], "own": [name_task()]}

    provide = {"first": Provide(provide_first), "second": Provide(provide_second), "third": Provide(provide_third)}
    site = (QuickStart if in_turn else Litestar)([show], dependencies=provide, openapi_config=None)
    async with AsyncTestClient(site) as client:
        answer = (await client.get("/")).json()
    return set(answer["found"]), answer["own"][0]


async def test_no_task_is_made_for_what_a_page_depends_on() -> None:
    resolved, own = await tasks_of(in_turn=True)
    assert resolved == {own}


async def test_the_framework_alone_would_make_some() -> None:
    """When it does no more, `resolve_in_turn` has nothing to earn, and goes."""
    resolved, own = await tasks_of(in_turn=False)
    assert resolved - {own}


@pytest.mark.parametrize("site", ["workspace", "central", "programs.endpoints"])
def test_each_dependency_of_each_page_comes_alone_and_after_what_it_needs(site: str) -> None:
    looked_at = 0
    for route in operator.attrgetter(site)(Pages()).routes:
        if not isinstance(route, HTTPRoute):
            continue
        for _, arguments in route.route_handler_map.values():
            resolved: set[Any] = set()
            for batch in arguments.dependency_batches:
                (dependency,) = batch
                assert set(dependency.dependencies) <= resolved, f"{route.path}: {dependency.key}"
                resolved.add(dependency)
                looked_at += 1
    assert looked_at
