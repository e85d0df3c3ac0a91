"""Which program asks, for whom and in which workspace: what comes before each endpoint, and what it takes as arguments.

`let_in` looks at the token, its scope and its limits before anything is read of the request. The transaction looks at
it again, as it may have ended since.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any, Literal

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from msgspec import Struct

from app.accounts.access import AnyRequest, client_address, enter_workspace
from app.accounts.members import Member
from app.accounts.program_tokens import Token, find_by_secret
from app.accounts.programs import name_program
from app.accounts.sessions import SEEN_STEP
from app.database import Actor, Database, Transaction, now
from app.programs.limits import LimitStanding, count_call
from app.programs.problems import Problem
from app.programs.refusals import refuse_doubled_headers, refuse_unknown_parameters
from app.records.limits import ListLimit
from app.web.bodies import prepare_addresses
from app.web.calls import retry_after
from app.web.endings import end_with_answer
from app.web.origins import is_origin_allowed
from app.web.problems import AGENT_PATH, JSON_TYPE

Asked = ASGIConnection[Any, Any, Any, Any]
SAFE = ("GET", "HEAD", "OPTIONS")
# The scope of what anybody may read, with a token or without.
NO_SCOPE = ""
# The scope of what each token may, whatever it was given: what is answered says of each thing which scope it needs.
ANY_SCOPE: Literal["any"] = "any"
AGAIN = retry_after(1)


class Caller(Struct, frozen=True):
    """Who calls: what was shown, and whose it is."""

    secret: str
    tenant_id: int
    member_id: int
    token_id: int
    origins: tuple[str, ...]


def read_secret(connection: Asked) -> str:
    """The token that is shown. Raises a 401 problem."""
    given = connection.headers.get("authorization")
    if given is None:
        raise refuse_token("Send the header `Authorization: Bearer` with a token.")
    scheme, _, secret = given.partition(" ")
    if scheme.lower() != "bearer":
        raise refuse_token("Send the header `Authorization` of the scheme `Bearer`.")
    return secret.strip()


def refuse_token(detail: str) -> Problem:
    """What is said to who shows no token, or none that works."""
    return Problem("unauthorized", detail, headers={"WWW-Authenticate": 'Bearer realm="mutirao"'})


async def find_caller(transaction: Transaction, secret: str) -> tuple[Token, Member]:
    """The token that is shown, and its member. Raises a 401 problem."""
    found = await find_by_secret(transaction, secret)
    if found is None:
        raise refuse_token("This token is not known here, has ended, or is of somebody who is kept out.")
    return found


async def let_in(connection: Asked, handler: BaseRouteHandler) -> None:
    """Let a call pass that shows a token which works, of the endpoint's scope, from an origin of the token's, that is
    not one too many, and of which nothing would be left out."""
    scope, state, method = handler.opt["scope"], connection.app.state, method_of(connection)
    if scope == NO_SCOPE:
        return
    refuse_doubled_headers(connection)
    secret = read_secret(connection)
    async with state.database.read() as transaction:
        await enter_workspace(transaction, connection.scope["state"]["slug"])
        token, member = await find_caller(transaction, secret)
        grant, used_at = token.grant, token.used_at
        caller = Caller(secret, transaction.tenant.id, member.id, token.id, tuple(token.origins))
    connection.scope["state"].update(caller=caller, begins=begin_with_member)
    check_origin(connection, caller)
    check_type(connection, handler)
    if scope != ANY_SCOPE and not grant.holds(scope):
        raise Problem("insufficient-scope", f"The token needs the scope {scope}.", scope=scope)
    note_answering(connection, caller)
    policy = "heavy" if is_heavy(connection, handler) else "reads" if method in SAFE else "writes"
    counted = (caller.tenant_id, caller.member_id, caller.token_id)
    standing: LimitStanding = await count_call(state.windows, policy, *counted)
    connection.scope["state"]["standing"] = standing
    if used_at is None or now() - used_at > SEEN_STEP:
        state.visits.note_used(caller.tenant_id, caller.token_id, caller_address(connection))
    if connection.scope["path"] != AGENT_PATH:
        refuse_unknown_parameters(connection, handler)
    if handler.opt.get("heavy"):
        await take_own_turn(connection, caller)


async def take_own_turn(connection: Asked, caller: Caller) -> None:
    """Wait for a turn of the member's among the lists that they read, on pages and by programs, until the answer goes
    out. Raises a 429 page where too many wait."""
    lists: ListLimit = connection.app.state.lists
    ending = contextlib.AsyncExitStack()
    await ending.enter_async_context(lists.turn_of(caller.tenant_id, caller.member_id))
    scope: Any = connection.scope
    end_with_answer(scope, ending)


def note_answering(connection: Asked, caller: Caller) -> None:
    """Note that a request with a key is being answered. Raises a 409 problem where it is already."""
    key = connection.headers.get("idempotency-key")
    if key is None or method_of(connection) != "POST":
        return
    answering: set[tuple[int, int, str, str]] = connection.app.state.answering
    request = (caller.tenant_id, caller.token_id, connection.scope["path"], key)
    if request in answering:
        raise Problem("in-progress", "The same request is being answered. Send it again in a moment.", headers=AGAIN)
    answering.add(request)
    connection.scope["state"]["answering"] = request


def check_origin(connection: Asked, caller: Caller) -> None:
    """Raise a 403 problem for a page of another site that the token does not name."""
    settings, slug = connection.app.state.settings, connection.scope["state"]["slug"]
    origins = connection.headers.getall("origin", [])
    own = settings.workspace_url(slug, "").rstrip("/")
    if any(origin != own and not is_origin_allowed(origin, caller.origins) for origin in origins):
        raise Problem("origin-not-allowed", "The token does not name the origin of this page.")


def check_type(connection: Asked, handler: BaseRouteHandler) -> None:
    """Raise a 415 problem for a body that says it is something else than JSON, where that is read."""
    said = connection.headers.get("content-type", "").partition(";")[0].strip().lower()
    length = connection.headers.get("content-length", "" if "transfer-encoding" in connection.headers else "0")
    if said not in ("", JSON_TYPE) and length != "0" and not handler.opt.get("streams"):
        raise Problem("unsupported-type", f"Send {JSON_TYPE}, and say so as Content-Type.")


def is_heavy(connection: Asked, handler: BaseRouteHandler) -> bool:
    """Whether a call is one that takes long: always, or with a parameter."""
    heavy = handler.opt.get("heavy", False)
    return heavy if isinstance(heavy, bool) else bool(connection.query_params.get(heavy))


def method_of(connection: Asked) -> str:
    """The method of a call."""
    scope: Any = connection.scope
    return str(scope["method"])


def caller_address(connection: Asked) -> str:
    """The address that a call comes from."""
    request: Any = connection
    return client_address(request)


@contextlib.asynccontextmanager
async def begin_as_program(request: AnyRequest, database: Database, *, writes: bool) -> AsyncIterator[Transaction]:
    """A transaction in the workspace of the request's host, in which the token's member acts with what the token was
    given of their rights. What follows from what is done is not the program's, and does not depend on its token."""
    caller: Caller = request.scope["state"]["caller"]
    async with database.write() if writes else database.read() as transaction:
        await enter_workspace(transaction, request.scope["state"]["slug"])
        token, member = await find_caller(transaction, caller.secret)
        member.grant = token.grant
        program = name_program(token.name, bot=member.bot, agent="agent" in request.scope["state"])
        transaction.actor = Actor(
            "token",
            member_id=member.id,
            address=client_address(request),
            token_id=token.id,
            program=program,
            ends_at=token.ends_at,
        )
        transaction.keep(member)
        try:
            yield transaction
        finally:
            del member.grant


@contextlib.asynccontextmanager
async def begin_with_member(request: AnyRequest, *, writes: bool) -> AsyncIterator[tuple[Transaction, Member]]:
    """Likewise, with the member, for what goes on after the request's own transaction has ended."""
    async with begin_as_program(request, request.app.state.database, writes=writes) as transaction:
        yield transaction, await provide_program_member(transaction)


async def provide_program_transaction(request: AnyRequest, database: Database) -> AsyncIterator[Transaction]:
    """One transaction for the request. It is a writing one unless the method is safe, or the endpoint says
    `opt={"writes": …}`; what it can do before the writer waits for it is the function `opt={"prepare": …}`."""
    opt = request.route_handler.opt
    writes = opt.get("writes", request.method not in SAFE)
    if not opt.get("streams"):
        await prepare_addresses(await request.body())  # no transaction waits for a slow sender
    if writes and (prepare := opt.get("prepare")):
        await prepare(request)
    async with contextlib.AsyncExitStack() as ending:
        end_with_answer(request.scope, ending, early=True)
        yield await ending.enter_async_context(begin_as_program(request, database, writes=writes))


async def provide_program_member(transaction: Transaction) -> Member:
    """The member for whom the program acts."""
    return await transaction.get_one(Member, transaction.actor.member_id)
