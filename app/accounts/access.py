"""Who asks, and for which workspace: the arguments that page functions take."""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import quote, urljoin, urlsplit

from litestar import MediaType, Request, Response
from litestar.exceptions import NotFoundException

from app.accounts.members import Member
from app.accounts.sessions import SEEN_STEP, SignedIn, find_session
from app.accounts.visits import Visits
from app.database import Actor, Database, Tenant, Transaction, now
from app.settings import Settings
from app.web.bodies import read_ahead
from app.web.calls import is_call, refuse_call
from app.web.cookies import read_cookie
from app.web.endings import end_with_answer
from app.web.error_texts import render_error
from app.web.errors import PageError, find_workspace_look
from app.web.forms import FOR_MEMBER, Form
from app.web.redirects import see_other
from app.web.request_ids import request_id_of
from app.web.texts import _l
from app.web.typed_texts import list_typed

AnyRequest = Request[Any, Any, Any]


class BeginSignedIn(Protocol):
    """Begins a transaction with who asks, where that is told otherwise than by a session."""

    def __call__(
        self, request: AnyRequest, *, writes: bool
    ) -> contextlib.AbstractAsyncContextManager[tuple[Transaction, Member]]:
        """The transaction, and the member."""


class SignInNeeded(Exception):
    """The page is for members, and nobody is signed in."""


class SomebodyElse(PageError):
    """The page was made for another member than the one who is signed in by now."""

    def __init__(self, member: Member) -> None:
        super().__init__(
            401,
            _l(
                "%(name)s is now signed in on this browser. Sign in again to send this as yourself.",
                name=member.name,
            ),
            heading=_l("Someone else is signed in"),
        )


@contextlib.asynccontextmanager
async def begin(request: AnyRequest, *, writes: bool) -> AsyncIterator[Transaction]:
    """A transaction in the workspace of the request's host."""
    slug = request.scope["state"]["slug"]
    database: Database = request.app.state.database
    async with database.write() if writes else database.read() as transaction:
        tenant = await enter_workspace(transaction, slug)
        request.scope["state"]["language"] = tenant.language
        request.app.state.languages.known[slug] = tenant.language, tenant.name, tenant.color
        transaction.actor = Actor("page", address=client_address(request))
        yield transaction


async def provide_transaction(request: AnyRequest) -> AsyncIterator[Transaction]:
    """One transaction for the request, in the workspace of its host.

    It is a writing one unless the method is safe. A page whose opening writes says so with `opt={"writes": True}`, and
    one that asks a limit, and writes afterwards, with `opt={"writes": False}`. What a page can do before the writer
    waits for it is the function `opt={"prepare": …}`. The body is there before it begins; a page that takes it piece by
    piece, when it has looked who sends it, says so with `opt={"streams": True}`, reads until then, and ends this
    transaction first (`end_early`).
    """
    streams = request.route_handler.opt.get("streams", False)
    writes = request.route_handler.opt.get("writes", not streams and request.method not in ("GET", "HEAD", "OPTIONS"))
    if not streams:
        await read_ahead(request)
    if writes and (prepare := request.route_handler.opt.get("prepare")):
        await prepare(request)
    async with contextlib.AsyncExitStack() as ending:
        end_with_answer(request.scope, ending, early=True)
        yield await ending.enter_async_context(begin(request, writes=writes))


def write_signed_in(request: AnyRequest) -> contextlib.AbstractAsyncContextManager[tuple[Transaction, Member]]:
    """A writing transaction of a request that has looked or computed first, with who asks as they are by now.

    Raises SignInNeeded and SomebodyElse.
    """
    return begin_signed_in(request, writes=True)


def read_signed_in(request: AnyRequest) -> contextlib.AbstractAsyncContextManager[tuple[Transaction, Member]]:
    """A reading transaction of a request that goes on after its own has ended, likewise."""
    return begin_signed_in(request, writes=False)


@contextlib.asynccontextmanager
async def begin_signed_in(request: AnyRequest, *, writes: bool) -> AsyncIterator[tuple[Transaction, Member]]:
    """A transaction with who asks, beside the one that pages take as an argument; a program has its own way."""
    begins: BeginSignedIn | None = request.scope["state"].get("begins")
    if begins is not None:
        async with begins(request, writes=writes) as begun:
            yield begun
        return
    async with begin(request, writes=writes) as transaction:
        signed_in = await provide_signed_in(request, transaction)
        yield transaction, signed_in.member


async def enter_workspace(transaction: Transaction, slug: str) -> Tenant:
    """Confine a transaction to the workspace of a host.

    Raises NotFoundException for one that does not exist, and a 403 page for one that is suspended.
    """
    tenant = await transaction.find_tenant("slug", slug)
    if tenant is None:
        raise NotFoundException
    if tenant.suspended_at is not None:
        why = _l("This workspace is suspended. Your administrator can tell you why.")
        if tenant.suspended_why:
            why = _l("This workspace is suspended. Reason: %(reason)s", reason=tenant.suspended_why)
        raise PageError(403, why, heading=_l("Workspace suspended"))
    transaction.enter(tenant)
    return tenant


async def provide_signed_in(request: AnyRequest, transaction: Transaction) -> SignedIn:
    """The member who asks, with their session.

    Raises SignInNeeded when there is none, and SomebodyElse when the page that asks was made for another one: somebody
    else has signed in with the same browser since, and what the one before has typed is not theirs to send.
    """
    settings: Settings = request.app.state.settings
    token = read_cookie(request.scope["headers"], settings.session_cookie)
    signed_in = await find_session(transaction, token)
    if signed_in is None:
        raise SignInNeeded
    named: Form | None = request.scope["state"].get("named")
    # A form with a file, which is read later, says it in its address.
    made_for = named[FOR_MEMBER] if named else request.headers.get("x-member") or request.query_params.get(FOR_MEMBER)
    if made_for not in (None, str(signed_in.member.id)):
        raise SomebodyElse(signed_in.member)
    transaction.actor = replace(
        transaction.actor,
        member_id=signed_in.member.id,
        session_id=signed_in.session.id,
        ends_at=signed_in.session.expires_at,
    )
    if now() - signed_in.session.seen_at > SEEN_STEP:
        visits: Visits = request.app.state.visits
        visits.note(transaction.tenant.id, signed_in.session.id)
    return signed_in


async def provide_member(signed_in: SignedIn) -> Member:
    """The member who asks."""
    return signed_in.member


def ask_to_sign_in(request: AnyRequest, error: Exception) -> Response[Any]:
    """Lead to the sign-in page, and from there back to what was asked for."""
    path = request.scope["path"]
    language = request.scope["state"].get("language", "en")
    if is_call(request):
        return refuse_call(language, _l("You are no longer signed in. Sign in again; what you typed is kept."), 401)
    # Scripts keep what is typed themselves; and a form that names no member was on no page of the workspace.
    is_shown = "hx-request" not in request.headers and "named" in request.scope["state"]
    typed = list_typed(request, language) if is_shown else []
    if typed:
        heading, detail = _l("You are no longer signed in"), _l("Sign in again, then send it.")
        name, color = find_workspace_look(request)
        html = render_error(
            401,
            language=language,
            request_id=request_id_of(request.scope),
            heading=heading,
            detail=detail,
            typed=typed,
            workspace=name,
            accent=color,
        )
        return Response(html, status_code=401, media_type=MediaType.HTML)
    if request.method != "GET" or path == "/":
        return see_other("/login")
    query = request.scope["query_string"].decode("latin-1")
    return see_other(f"/login?next={quote(path + ('?' + query if query else ''), safe='')}")


def local_path(settings: Settings, host: str, wanted: str) -> str:
    """The path of an address on this very host, '/' for any other: `next=` never leads away.

    The address is resolved as browsers do, so that `//evil.com` and `/\\evil.com` don't pass.
    """
    origin = f"{settings.scheme}://{host}"
    cleaned = wanted.replace("\\", "/")
    if any(ord(character) < 33 for character in cleaned):
        return "/"
    try:
        found = urlsplit(urljoin(origin + "/", cleaned))
    except ValueError:  # such as `http://[`
        return "/"
    if f"{found.scheme}://{found.netloc}" != origin or not found.path.startswith("/") or found.path.startswith("//"):
        return "/"
    return found.path + (f"?{found.query}" if found.query else "")


def client_address(request: AnyRequest) -> str:
    """The address a request came from; behind the proxy, the one the proxy tells. Empty when that is none."""
    return read_network_address(request.client.host) if request.client else ""


@lru_cache(maxsize=1000)
def read_network_address(text: str) -> str:
    """An address as it is usually written; '' for what is none."""
    try:
        return str(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        return ""


def host_of(request: AnyRequest) -> str:
    """The host of this request, as the gate let it through."""
    return request.headers["host"].lower()
