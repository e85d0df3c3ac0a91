"""Pages of preferences: what one is told, how, and when not; and the way out that every mail has."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.exceptions import NotFoundException

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.shell import notice, render_page, render_plain
from app.accounts.tabs import tab
from app.accounts.time_zones import offer_time_zones
from app.database import Transaction
from app.notifications.following import list_mutes, unmute
from app.notifications.kinds import MAILS, NOTIFICATION_KINDS, NotificationKind, split
from app.notifications.listing import find_subject_places
from app.notifications.mail_times import choose_times, read_times
from app.notifications.mails import read_token
from app.notifications.preferences import Choice, choose, list_choices, read_choices
from app.settings import Settings
from app.web.forms import Form, Invalid
from app.web.redirects import see_other
from app.web.texts import Text, _l

MAIL_LABELS: dict[str, Text] = {
    "never": _l("Never"),
    "once": _l("Immediately"),
    "hourly": _l("Hourly"),
    "daily": _l("Daily"),
}

tab("account", _l("Notifications"), "/notifications/preferences", icon="bell", order=20)
notice("preferences", _l("Notification settings saved."))


@get("/notifications/preferences")
async def show_preferences(request: AnyRequest, transaction: Transaction, member: Member) -> Response[str]:
    """What one is told, and how."""
    times = (await read_times(transaction, [member.id]))[member.id]
    form = Form([("time_zone", times.zone.key)])
    if times.quiet_from is not None and times.quiet_until is not None:
        for name, minutes in (("quiet_from", times.quiet_from), ("quiet_until", times.quiet_until)):
            form.values[name] = [f"{minutes // 60:02}:{minutes % 60:02}"]
    return await render_preferences(request, transaction, member, form)


async def render_preferences(
    request: AnyRequest, transaction: Transaction, member: Member, form: Form, status: int = 200
) -> Response[str]:
    """The preferences, with what was typed."""
    mutes = await list_mutes(transaction, member)
    places = await find_subject_places(transaction, [(each.subject_kind, each.subject_id) for each in mutes])
    return await render_page(
        request,
        transaction,
        member,
        "notifications/preferences.html",
        status=status,
        choices=[(kind, typed_choice(form, kind, choice)) for kind, choice in await list_choices(transaction, member)],
        mails=MAIL_LABELS,
        zones=offer_time_zones(member.time_zone),
        muted=[(f"{kind}-{number}", place.seen_by(member.id)) for (kind, number), place in places.items()],
        form=form,
    )


def typed_choice(form: Form, kind: NotificationKind, kept: Choice) -> Choice:
    """What was chosen for a kind in a form that is shown again; in a form that is opened, what is kept."""
    mail = form[f"mail-{kind.name}"]
    return Choice(in_app=f"app-{kind.name}" in form, mail=mail) if mail in MAILS else kept


def read_time(form: Form, name: str) -> int | None:
    """A time of the day in minutes; None when there is none."""
    text = form[name].strip()
    if not text:
        return None
    hours, _, minutes = text.partition(":")
    if all(part.isascii() and part.isdigit() and len(part) <= 2 for part in (hours, minutes)):
        found = int(hours) * 60 + int(minutes)
        if found < 24 * 60 and int(minutes) < 60:
            return found
    form.errors[name] = _l("Enter a time, such as 18:30.")
    return None


@post("/notifications/preferences")
async def save_preferences(request: AnyRequest, transaction: Transaction, member: Member, form: Form) -> Response[Any]:
    """Keep what one wants to be told."""
    quiet_from, quiet_until = read_time(form, "quiet_from"), read_time(form, "quiet_until")
    if not form.errors and (quiet_from is None) != (quiet_until is None):
        form.errors["quiet_until" if quiet_until is None else "quiet_from"] = _l("Fill in both, or neither.")
    try:
        kinds = [kind for kind, _ in await list_choices(transaction, member) if f"mail-{kind.name}" in form]
        if any(form[f"mail-{kind.name}"] not in MAILS for kind in kinds):
            form.errors["mail"] = _l("Choose one of these.")
        form.check()
        await choose_times(
            transaction, member, quiet_from=quiet_from, quiet_until=quiet_until, time_zone=form["time_zone"]
        )
        for kind in kinds:
            choice = Choice(in_app=f"app-{kind.name}" in form, mail=form[f"mail-{kind.name}"])
            await choose(transaction, member.id, kind, choice)
    except Invalid as invalid:
        form.errors = invalid.errors
        return await render_preferences(request, transaction, member, form, status=422)
    return see_other("/notifications/preferences?done=preferences")


@post("/notifications/unmute")
async def unmute_subject(transaction: Transaction, member: Member, form: Form) -> Response[Any]:
    """Hear of a thing again."""
    await unmute(transaction, member, *split(form["subject"]))
    return see_other("/notifications/preferences?done=preferences")


@get("/unsubscribe")
async def show_unsubscribe(transaction: Transaction, settings: Settings, token: str = "") -> Response[str]:
    """Ask whether mails are to end; a GET changes nothing, as programs follow links in mails."""
    return await render_unsubscribe(transaction, settings, token, done=False)


@post("/unsubscribe", status_code=200)
async def unsubscribe(transaction: Transaction, settings: Settings, token: str = "") -> Response[str]:
    """End mails of the kinds that the token names (RFC 8058). It takes no session, and comes from anywhere.

    The address says everything: the form that a mail program sends may be of either kind, and is not read.
    """
    found = read_token(settings, transaction.tenant, token)
    if found is not None:
        member_id, kinds = found
        for name in kinds:
            choices = (await read_choices(transaction, [NOTIFICATION_KINDS[name]], [member_id]))[name]
            if await transaction.get(Member, member_id) is not None:
                in_app = choices[member_id].in_app
                await choose(transaction, member_id, NOTIFICATION_KINDS[name], Choice(in_app=in_app, mail="never"))
    return await render_unsubscribe(transaction, settings, token, done=True)


async def render_unsubscribe(transaction: Transaction, settings: Settings, token: str, *, done: bool) -> Response[str]:
    """Which mails end. Raises NotFoundException for a token that is not ours."""
    found = read_token(settings, transaction.tenant, token)
    if found is None:
        raise NotFoundException
    return render_plain(
        transaction.tenant.language,
        "notifications/unsubscribe.html",
        tenant=transaction.tenant,
        token=token,
        kinds=[NOTIFICATION_KINDS[name] for name in found[1]],
        done=done,
    )


handlers = [show_preferences, save_preferences, unmute_subject, show_unsubscribe, unsubscribe]
