"""Pages of the inbox: what one was told, reading it, following and muting."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from litestar import Response, get, post
from litestar.response import Redirect

from app.accounts.access import AnyRequest
from app.accounts.days import group_by_day
from app.accounts.members import Member
from app.accounts.quick_switcher import Destination, Sought, leads_to, switches_to
from app.accounts.shell import notice, page_part, render_page
from app.accounts.undo import UndoState, lead_to, offer_undo, undoes
from app.database import Transaction, now
from app.notifications.following import read_followers
from app.notifications.inbox import (
    Which,
    find_newest_unread,
    has_unread,
    mark_notifications_read,
    mark_unread,
    note_opened,
    of_subject,
    read_inbox,
)
from app.notifications.kinds import NOTIFICATION_KINDS, SUBJECTS, NotificationKind, split
from app.notifications.listing import Group, say_many, say_one
from app.notifications.preferences import list_choices
from app.notifications.wishes import choose_following, silence_kind, silence_subject
from app.web.calls import is_call
from app.web.forms import Form, number_of
from app.web.redirects import see_other
from app.web.texts import _l

leads_to("pages", _l("Notifications"), "/notifications", icon="bell", order=20)

LARGEST = 10_000_000

notice(
    "kind-muted", _l("You will no longer get this in your inbox. You can change that in your notification settings.")
)
notice("muted", _l("You will no longer be notified about this. Your notification settings list what you have muted."))


def view_of(show: str, kind: str, page: str) -> dict[str, Any]:
    """What of the inbox is asked for."""
    return {
        "show": "unread" if show == "unread" else "all",
        "kind": kind if kind in NOTIFICATION_KINDS else "",
        "page": max(1, min(number_of(page), LARGEST)),
    }


def address_of(view: dict[str, Any], **changes: Any) -> str:
    """The address of a view of the inbox."""
    wanted = {**view, **changes}
    standard = {"show": "all", "kind": "", "page": 1}
    query = urlencode({name: value for name, value in wanted.items() if value != standard[name]})
    return "/notifications" + (f"?{query}" if query else "")


@get("/notifications")
async def show_inbox(
    request: AnyRequest, transaction: Transaction, member: Member, show: str = "", kind: str = "", page: str = ""
) -> Response[str]:
    """What one was told, unread first."""
    view = view_of(show, kind, page)

    async def list_kinds() -> list[NotificationKind]:
        return [known for known, _ in await list_choices(transaction, member) if known.in_app]

    return await render_page(
        request,
        transaction,
        member,
        "notifications/inbox.html",
        inbox=read_inbox(
            transaction, member, unread_only=view["show"] == "unread", kind=view["kind"], page=view["page"]
        ),
        list_days=lambda groups: list_days(transaction, member, groups),
        anything_unread=has_unread(transaction, member),
        sentence=lambda item: say_one(item, transaction.tenant.language),
        summary=lambda group: say_many(group, transaction.tenant.language),
        view=view,
        address=lambda **changes: address_of(view, **changes),
        kinds=list_kinds(),
    )


def list_days(transaction: Transaction, member: Member, groups: Sequence[Group]) -> list[Any]:
    """What is unread, and below it the rest by the days on which it happened last."""
    unread = [group for group in groups if group.unread and group.items]
    read = [group for group in groups if not group.unread and group.items]
    days = group_by_day(transaction, member, read, lambda group: group.items[0].at)
    return ([(_l("Unread"), unread)] if unread else []) + days


def view_in(form: Form) -> str:
    """The address of the view of the inbox that a form came from."""
    return address_of(view_of(form["show"], form["kind_shown"], form["page"]))


def go_back(form: Form, done: str = "") -> Redirect:
    """Back to the view of the inbox that a form came from."""
    address = view_in(form)
    return see_other(address + (f"{'&' if '?' in address else '?'}done={done}" if done else ""))


@post("/notifications/read")
async def read_notifications(
    request: AnyRequest, transaction: Transaction, member: Member, form: Form
) -> Response[Any]:
    """Mark what was told of a thing as read, or of all things such as `member`; up to what the page has shown."""
    wanted = form["subject"]
    which: Which = {"about_kind": wanted} if wanted in SUBJECTS else of_subject(split(wanted))
    if "kind" in form:
        which["reason"] = form["kind"]
    if "until" in form:
        which["newest"] = form.number("until")
    await mark_notifications_read(transaction, member, **which)
    if is_call(request):
        return Response(None, status_code=204)
    return go_back(form)


@post("/notifications/read-all")
async def read_all(transaction: Transaction, member: Member, form: Form) -> Response[Any]:
    """Mark everything as read that was there when the page was; what came later stays unread."""
    moment, offer = now(), None
    if await mark_notifications_read(transaction, member, newest=form.number("until"), at=moment):
        offer = await offer_undo(transaction, member, "notifications.read", at=moment.isoformat())
    return lead_to(view_in(form), offer)


@switches_to
async def find_read_all(transaction: Transaction, member: Member, sought: Sought) -> list[Destination]:
    """Marking everything as read, where something is unread."""
    title = _l("Mark all notifications as read").translate(sought.language)
    if sought.text and sought.rank(title) is None:
        return []
    newest = await find_newest_unread(transaction, member)
    fields = (("until", str(newest)),)
    place = Destination("acts", title, "/notifications/read-all", "check", order=45, fields=fields)
    return sought.pick([place] if newest else [])


@undoes("notifications.read", _l("Everything marked as read."))
async def mark_all_unread(request: AnyRequest, transaction: Transaction, member: Member, state: UndoState) -> str:
    """Mark what was marked as read at once as unread again."""
    await mark_unread(transaction, member, datetime.fromisoformat(state["at"]))
    return "/notifications"


@post("/notifications/mute")
async def mute_subject(transaction: Transaction, member: Member, form: Form) -> Response[Any]:
    """Hear nothing more of a thing, and count what was told of it as read."""
    await silence_subject(transaction, member, form["subject"])
    return go_back(form, "muted")


@post("/notifications/mute-kind")
async def mute_kind(transaction: Transaction, member: Member, form: Form) -> Response[Any]:
    """Hear nothing more for a reason, and count what was told for it as read."""
    await silence_kind(transaction, member, form["kind"])
    return go_back(form, "kind-muted")


@post("/follow/{subject:str}")
async def follow_subject(transaction: Transaction, member: Member, subject: str) -> Response[Any]:
    """Follow a thing."""
    return await change_following(transaction, member, subject, following=True)


@post("/unfollow/{subject:str}")
async def unfollow_subject(transaction: Transaction, member: Member, subject: str) -> Response[Any]:
    """Follow a thing no more."""
    return await change_following(transaction, member, subject, following=False)


async def change_following(transaction: Transaction, member: Member, text: str, *, following: bool) -> Response[Any]:
    """Follow a thing or not, and go back to it. Raises NotFoundException for what can't be followed."""
    subject = await choose_following(transaction, member, text, following=following)
    places = await SUBJECTS[subject[0]].find_places(transaction, [subject[1]])
    return see_other(places[subject[1]].address)


@page_part("record head", "notifications/_follow.html")
async def follow_part(request: AnyRequest, transaction: Transaction, member: Member, about: Any) -> dict[str, Any]:
    """The button to follow a thing. Opening its page also marks what was told of it as read."""
    name, number = split(about.name)
    _, followers = await transaction.together(
        note_opened(request, transaction, member, **of_subject((name, number))),
        read_followers(transaction, name, [number]),
    )
    chosen = followers[number].get(member.id)
    return {"subject": about.name, "following": about.made_by == member.id if chosen is None else chosen}


handlers = [show_inbox, read_notifications, read_all, mute_subject, mute_kind, follow_subject, unfollow_subject]
