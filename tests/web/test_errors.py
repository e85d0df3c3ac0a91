"""What goes wrong at the end of a request, when the framework ends what its arguments have opened."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from litestar import Litestar, Request, Response, get
from litestar.di import NamedDependency, Provide
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_dbapi as Driver
from sqlalchemy.exc import InternalError

from app.programs.problems import answer_problem
from app.web.errors import PageError, handle_error
from app.web.texts import _l

LOST = InternalError("ROLLBACK", None, Driver.InternalClientError("cannot switch to state 15", None))


async def ask(ending: Exception | None, raised: Exception | None, *, answer_error: object) -> httpx.Response:
    """The answer to a request for a page of two arguments: one fails at its end, and the page itself, if at all."""

    async def open_one() -> AsyncIterator[int]:
        yield 1
        if ending is not None:
            raise ending

    async def open_other() -> AsyncIterator[int]:
        try:
            yield 2
        finally:
            if ending is not None and raised is not None:
                raise ending

    @get("/")
    async def show(one: NamedDependency[int], other: NamedDependency[int]) -> str:
        if raised is not None:
            raise raised
        return f"{one}{other}"

    site = Litestar(
        [show],
        dependencies={"one": Provide(open_one), "other": Provide(open_other)},
        exception_handlers={Exception: answer_error},  # type: ignore[dict-item]
        openapi_config=None,
        logging_config=None,
        signature_types=[Response, Request],
    )

    async def with_id(scope: object, receive: object, send: object) -> None:
        scope["state"] = {"request_id": "a" * 16, "language": "en"}  # type: ignore[index]
        await site(scope, receive, send)  # type: ignore[arg-type]

    transport = httpx.ASGITransport(app=with_id, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://acme.test") as client:
        return await client.get("/")


@pytest.mark.parametrize("answer_error", [handle_error, answer_problem])
async def test_what_ends_in_a_group_is_answered_as_what_is_in_it(answer_error: object) -> None:
    assert (await ask(None, None, answer_error=answer_error)).text == "12"
    for raised in (None, LOST, RuntimeError("x")):
        lost = await ask(LOST, raised, answer_error=answer_error)
        assert (lost.status_code, lost.headers["retry-after"]) == (503, "5")
    refused = await ask(PageError(403, _l("Wait a few minutes, then try again.")), None, answer_error=answer_error)
    assert refused.status_code == 403
    assert "Wait a few minutes" in refused.text
    assert (await ask(RuntimeError("ours"), None, answer_error=answer_error)).status_code == 500
