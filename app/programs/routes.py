"""How an endpoint is written: `@reads`, `@adds`, `@changes` and `@removes` say its path, scope and answers.

An endpoint cannot be written without a scope, and a start fails for one that has come another way (`check_routes`).
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Generic, Literal, TypeVar

import litestar
import msgspec
from litestar import Response, get, patch, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.routes import HTTPRoute

from app.accounts.scopes import SCOPES, Scope
from app.programs.access import ANY_SCOPE, NO_SCOPE
from app.programs.kept_answers import KEPT_FIELDS, find_kept_answer, keep_program_answer, read_key, repeat_answer
from app.programs.problems import ProblemShape
from app.programs.transfers import BringingOperation
from app.web.problems import PROBLEM_TYPE, PROBLEMS

Listed = TypeVar("Listed")
Called = Callable[..., Awaitable[Any]]
Decorator = Callable[[Called], Any]
Also = Mapping[int, type[msgspec.Struct]]
NOTHING_ELSE: Also = MappingProxyType({})
# What any call may be answered.
ALWAYS = (400, 401, 403, 404, 422, 429, 500, 503)
# What else one that sends something may be.
SENDING = (409, 413, 415)
API = "/api/v1"
# How an endpoint is known that takes long: by the parameter with the words to search for, or by its address.
SEARCHED_FOR = "q"
LONG_PATH = re.compile("search|export")


class ListPart(msgspec.Struct, Generic[Listed]):
    """A part of a list. With `next`, sent as the parameter of that name, the following one is asked for; it is null at
    the end."""

    items: list[Listed]
    next: str | None


# What is told of an answer that has no body, as whoever asks has it.
NOT_MODIFIED = {304: ResponseSpec(data_container=None, description="Nothing has changed since the tag was given.")}

AS_RETURNED: Mapping[int, ResponseSpec] = MappingProxyType({})


def describe_bytes(description: str) -> ResponseSpec:
    """What is told of an answer that is a file, of whatever type."""
    return ResponseSpec(data_container=bytes, media_type="*/*", generate_examples=False, description=description)


# Answers that are files.
SENT_IN_PART = {200: describe_bytes("The file."), 206: describe_bytes("The part of it that was asked for.")}
SENT_AS_EXPORT = {200: describe_bytes("The file, in the format that was asked for.")}


def describe_answers(*statuses: int, also: Also) -> dict[int, ResponseSpec]:
    """What is told of the problems that an endpoint may answer with, and of what it `also` answers that is none, beside
    what it returns: a struct for each status."""
    problems = {
        status: ResponseSpec(
            data_container=ProblemShape,
            media_type=PROBLEM_TYPE,
            generate_examples=False,
            description="; ".join(f"`{code}`: {title}" for code, (each, title) in PROBLEMS.items() if each == status),
        )
        for status in sorted({*statuses})
    }
    others = {
        status: ResponseSpec(data_container=shape, generate_examples=False, description=shape.__doc__ or "")
        for status, shape in also.items()
    }
    return {**others, **problems}


def naming(method: Any, path: str, **options: Any) -> Decorator:
    """A route of a method, which is called by the name of its endpoint where it is described."""

    def decorate(endpoint: Called) -> Any:
        name = endpoint.__name__.removesuffix("_for_programs").removesuffix("_to_program").removesuffix("_by_program")
        return method(path, operation_id=name, **options)(endpoint)

    return decorate


def reads(
    path: str,
    *,
    scope: Scope | Literal["any"],
    heavy: bool | str = False,
    tagged: bool = True,
    answers: Sequence[int] = (),
    also: Mapping[int, ResponseSpec] = AS_RETURNED,
    **options: Any,
) -> Decorator:
    """An endpoint that reads. It is `heavy` where it takes long, always or with a parameter of that name: then it is
    counted with what its member searches, and it takes turns with what they read, with the parameter or without. What
    is sent as it comes to be is not `tagged`: what is in it is known at its end."""
    opt = {"scope": scope, "heavy": heavy}
    responses = {
        **(NOT_MODIFIED if tagged else NOTHING_ELSE),
        **also,
        **describe_answers(*ALWAYS, *answers, also=NOTHING_ELSE),
    }
    return naming(get, API + path, opt=opt, responses=responses, **options)


def brings(path: str, *, scope: Scope, status_code: int = 201, **options: Any) -> Decorator:
    """An endpoint that takes a file as its body, of whatever size. It ends its transaction before it reads that, and
    writes in another one (`programs/transfers.py`)."""
    opt = {"scope": scope, "writes": False, "streams": True}
    responses = describe_answers(*ALWAYS, *SENDING, 507, also=NOTHING_ELSE)
    return naming(
        post,
        API + path,
        opt=opt,
        status_code=status_code,
        responses=responses,
        request_max_body_size=None,
        operation_class=BringingOperation,
        **options,
    )


def adds(
    path: str,
    *,
    scope: Scope,
    secret: bool = False,
    writes: bool = True,
    status_code: int = 201,
    answers: Sequence[int] = (),
    also: Also = NOTHING_ELSE,
    prepare: Any = None,
    **options: Any,
) -> Decorator:
    """An endpoint that makes or does something, once for each `Idempotency-Key`. An answer that holds a `secret` is not
    kept. It takes `request` and `transaction` as arguments. One that does not write in that transaction, as it asks a
    limit first, gives its answer by `write_once`."""
    opt = {"scope": scope, "prepare": prepare} | ({} if writes else {"writes": False})
    responses = describe_answers(*ALWAYS, *SENDING, *answers, also=also)

    def decorate(endpoint: Called) -> Any:
        once = do_once(endpoint, secret=secret, status=status_code, writes=writes)
        return naming(post, API + path, opt=opt, status_code=status_code, responses=responses, **options)(once)

    return decorate


def changes(
    path: str,
    *,
    scope: Scope,
    writes: bool = True,
    answers: Sequence[int] = (),
    also: Also = NOTHING_ELSE,
    prepare: Any = None,
    **options: Any,
) -> Decorator:
    """An endpoint that changes something that is there; one that asks a limit first does not write in its own
    transaction."""
    opt = {"scope": scope, "prepare": prepare} | ({} if writes else {"writes": False})
    responses = describe_answers(*ALWAYS, *SENDING, *answers, also=also)
    return naming(patch, API + path, opt=opt, responses=responses, **options)


def removes(path: str, *, scope: Scope, answers: Sequence[int] = (), prepare: Any = None, **options: Any) -> Decorator:
    """An endpoint that takes something away, and answers nothing."""
    opt = {"scope": scope, "prepare": prepare}
    responses = describe_answers(*ALWAYS, 409, *answers, also=NOTHING_ELSE)
    return naming(litestar.delete, API + path, opt=opt, status_code=204, responses=responses, **options)


def do_once(endpoint: Called, *, secret: bool, status: int, writes: bool) -> Called:
    """An endpoint that answers as before what is sent again with the same key; one that writes elsewhere keeps its
    answer there."""

    @functools.wraps(endpoint)
    async def answer_once(**arguments: Any) -> Any:
        request, transaction = arguments["request"], arguments["transaction"]
        key = read_key(request.headers)
        if key is None:
            return await endpoint(**arguments)
        kept = await find_kept_answer(request, transaction, key)
        if kept is not None:
            return repeat_answer(kept)
        answer = await endpoint(**arguments)
        if not writes:
            return answer
        if not isinstance(answer, Response):
            answer = Response(answer, status_code=status)
        body = msgspec.json.encode(answer.content)
        fields = {name: value for name, value in answer.headers.items() if name.lower() in KEPT_FIELDS}
        fields = {"content-type": "application/json", **fields}
        kept_body = None if secret else body
        await keep_program_answer(
            request, transaction, key, answer.status_code or status, json.dumps(fields), kept_body
        )
        return answer

    return answer_once


def check_routes(routes: Sequence[Any]) -> None:
    """Raise ValueError for an endpoint that does not say of which scope it is, or that it is heavy where it searches or
    exports."""
    for route in routes:
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                if "OPTIONS" in handler.http_methods:  # which the framework answers by itself
                    continue
                scope = handler.opt.get("scope")
                if scope not in (NO_SCOPE, ANY_SCOPE, *SCOPES):
                    raise ValueError(f"{route.path} does not say which scope it needs")
                is_long = SEARCHED_FOR in handler.fn.__annotations__ or LONG_PATH.search(route.path)
                if is_long and not handler.opt.get("heavy"):
                    raise ValueError(f"{route.path} searches or exports, and does not say that it is heavy")
