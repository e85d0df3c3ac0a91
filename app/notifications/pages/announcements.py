"""Pages of announcements: reading one; for admins, writing them and seeing who has read them."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from litestar import Response, get, post
from litestar.exceptions import NotFoundException

from app.accounts.access import AnyRequest
from app.accounts.ended_forms import keep_end
from app.accounts.form_answers import find_answer, keep_answer
from app.accounts.members import Member
from app.accounts.questions import Question, asked, asks_first
from app.accounts.quick_switcher import leads_to
from app.accounts.rights import may, require
from app.accounts.shell import notice, render_page
from app.database import Transaction
from app.notifications.announcements import (
    acknowledge,
    announce,
    get_announcement,
    list_announcement_readers,
    list_announcements,
    withdraw_announcement,
)
from app.notifications.inbox import has_unread, note_opened, of_subject
from app.notifications.kinds import NOTIFICATION_KINDS
from app.web.forms import Form, Invalid
from app.web.markdown.long_texts import render_long_text, render_long_texts_aside
from app.web.paging import page_of
from app.web.redirects import see_other
from app.web.texts import _l, _ln

leads_to("pages", _l("Announcements"), "/announcements", icon="info", order=60, right=("see", "everybody"))
leads_to("acts", _l("Post an announcement"), "/announcements", icon="info", order=50, right=("write", "announcements"))
notice("announced", _l("Announcement posted."))
notice("withdrawn", _l("The announcement was withdrawn."))
notice("acknowledged", _l("Thanks for confirming."))


@get("/announcements")
async def show_announcements(
    request: AnyRequest, transaction: Transaction, member: Member, page: str = ""
) -> Response[str]:
    """What was announced; for admins with the form to announce something."""
    require(member, "be told", NOTIFICATION_KINDS["announcement"])
    return await render_announcements(request, transaction, member, Form(), page=page)


async def render_announcements(
    request: AnyRequest, transaction: Transaction, member: Member, form: Form, *, page: str = "", status: int = 200
) -> Response[str]:
    """The page of announcements, with what was typed."""
    return await render_page(
        request,
        transaction,
        member,
        "notifications/announcements.html",
        status=status,
        announcements=await list_announcements(transaction, member, page),
        form=form,
    )


@post("/announcements")
async def write_announcement(
    request: AnyRequest, transaction: Transaction, member: Member, form: Form
) -> Response[Any]:
    """Tell everybody something."""
    require(member, "write", "announcements")
    title = form.text("title", limit=120)
    zone = ZoneInfo(member.time_zone)
    ends_at = None
    if form["ends_at"].strip():
        try:
            day = datetime.strptime(form["ends_at"].strip(), "%Y-%m-%d").date()
            ends_at = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
        except (ValueError, OverflowError):
            form.errors["ends_at"] = _l("This is not a date.")
    try:
        if answer := await find_answer(request, transaction, member, form):
            return answer
        form.check()
        await announce(
            transaction, member, title=title, text=form["text"], acknowledge=bool(form["acknowledge"]), ends_at=ends_at
        )
    except Invalid as invalid:
        form.errors = invalid.errors
        return await render_announcements(request, transaction, member, form, status=invalid.status)
    return await keep_answer(request, transaction, member, form, "/announcements?done=announced")


@get("/announcements/{announcement_id:int}")
async def show_announcement(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    announcement_id: int,
    q: str = "",
    page: str = "",
) -> Response[str]:
    """An announcement; who writes them sees who has read it."""
    announcement = await get_announcement(transaction, announcement_id)
    if not may(member, "read", announcement):
        raise NotFoundException
    subject = ("announcement", announcement.id)
    await note_opened(request, transaction, member, **of_subject(subject))
    readers = None
    if may(member, "write", "announcements"):
        listed = await list_announcement_readers(transaction, announcement)
        readers = page_of(listed, page, query=q, text_of=lambda reader: str(reader[0]))
    await render_long_texts_aside([announcement.text])
    return await render_page(
        request,
        transaction,
        member,
        "notifications/announcement.html",
        announcement=announcement,
        text=render_long_text(announcement.text),
        author=await transaction.get_one(Member, announcement.member_id),
        to_acknowledge=await has_unread(transaction, member, **of_subject(subject), held=True),
        readers=readers,
    )


@post("/announcements/{announcement_id:int}/acknowledge")
async def acknowledge_announcement(transaction: Transaction, member: Member, announcement_id: int) -> Response[Any]:
    """Say that one has read it."""
    announcement = await get_announcement(transaction, announcement_id)
    await acknowledge(transaction, member, announcement)
    return see_other(f"/announcements/{announcement.id}?done=acknowledged")


async def describe_withdrawal(request: AnyRequest, transaction: Transaction, member: Member) -> Question:
    """What withdrawing an announcement does, and to how many."""
    require(member, "write", "announcements")
    announcement = await get_announcement(transaction, request.path_params["announcement_id"])
    readers = await list_announcement_readers(transaction, announcement)
    unread = [name for name, read_at in readers if read_at is None]
    return Question(
        what=_l("Withdraw %(title)s?", title=announcement.title),
        consequences=[
            _ln(
                "It will be deleted, and removed from the inbox of the %(count)d person who got it.",
                "It will be deleted, and removed from the inboxes of the %(count)d people who got it.",
                len(readers),
            ),
            _ln(
                "%(count)d person has not read it yet. This can't be undone.",
                "%(count)d people have not read it yet. This can't be undone.",
                len(unread),
            ),
        ],
        button=_l("Withdraw"),
        back=f"/announcements/{announcement.id}",
    )


@post("/announcements/{announcement_id:int}/withdraw", **asked(describe_withdrawal))
async def end_announcement(
    request: AnyRequest, transaction: Transaction, member: Member, announcement_id: int
) -> Response[Any]:
    """Tell it no more."""
    announcement = await get_announcement(transaction, announcement_id)
    await withdraw_announcement(transaction, member, announcement)
    return await keep_end(request, transaction, member, see_other("/announcements?done=withdrawn"))


handlers = [
    show_announcements,
    write_announcement,
    show_announcement,
    acknowledge_announcement,
    asks_first("/announcements/{announcement_id:int}/withdraw", describe_withdrawal),
    end_announcement,
]
