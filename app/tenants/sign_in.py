"""Signing a browser in: the session that begins, and the cookies that it gets."""

from __future__ import annotations

import asyncio

from litestar.datastructures import Cookie
from litestar.response import Redirect

from app.accounts.access import AnyRequest, client_address
from app.accounts.devices import device_cookie
from app.accounts.facts import SessionStarted, SignedInFromNewDevice
from app.accounts.members import Member, take_time_zone
from app.accounts.sessions import FIND_SESSION_ID, LONGEST_AGENT, digest, lifetime, name_device
from app.database import Transaction
from app.live.cutoff import end_sessions, start_session
from app.settings import Settings
from app.web.cookies import read_cookie, session_cookie
from app.web.redirects import see_other


def agent_of(request: AnyRequest) -> str:
    """What a browser calls itself, as it is stored."""
    return request.headers.get("user-agent", "")[:LONGEST_AGENT]


async def find_device_name(request: AnyRequest) -> str:
    """Which browser on which system asks, looked up in a thread, before the writer waits for it: the first time for
    each takes long."""
    return await asyncio.to_thread(name_device, agent_of(request))


async def enter_with_session(
    request: AnyRequest,
    transaction: Transaction,
    settings: Settings,
    member: Member,
    path: str,
    time_zone: str = "",
    *,
    device: str,
    known: bool = False,
) -> Redirect:
    """Sign the browser in and lead it to a page; a session that it had before ends. It may say in which zone it is.
    Which `device` it is was looked up before the transaction, and whether it is `known` to the account by its cookie:
    what it calls itself is for whoever sits there to choose. The member is told of one that is not, unless it is the
    first that they have."""
    take_time_zone(transaction, member, time_zone)
    old = read_cookie(request.scope["headers"], settings.session_cookie)
    if old:
        before = await transaction.column(FIND_SESSION_ID, token_hash=digest(old))
        await end_sessions(transaction, before, reason="ended")
    is_new_device = member.has_signed_in and not known
    address = client_address(request)
    token = await start_session(transaction, member, address=address, agent=agent_of(request))
    by, email = transaction.acting(member.id), member.email or ""
    if is_new_device:
        transaction.note(SignedInFromNewDevice(by=by, member_id=member.id, email=email, device=device, address=address))
    else:
        transaction.note(SessionStarted(by=by, member_id=member.id, email=email))
    return see_other(path, cookies=cookies_of(request, transaction, settings, member, token))


def cookies_of(
    request: AnyRequest, transaction: Transaction, settings: Settings, member: Member, token: str
) -> list[Cookie]:
    """The cookies of a session that has just begun: one signs the browser in, one makes it known to the account."""
    return [
        session_cookie(settings, token, seconds=int(lifetime(transaction.tenant).total_seconds())),
        device_cookie(settings, request.scope["headers"], device_account(member), member.password_hash),
    ]


def device_account(member: Member) -> str:
    """What an account is called in the cookie of a browser that is known to it."""
    return f"{member.tenant_id}:{member.id}"
