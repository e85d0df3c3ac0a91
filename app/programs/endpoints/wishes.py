"""What a member wants to be told, and how; what they follow, and what they hear nothing more of."""

from __future__ import annotations

from typing import Any

from litestar.exceptions import NotFoundException

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.database import Transaction
from app.notifications.following import list_mutes, unmute
from app.notifications.kinds import NOTIFICATION_KINDS, split
from app.notifications.mail_times import choose_times, read_times
from app.notifications.preferences import Choice, choose, list_choices
from app.notifications.wishes import choose_following, get_subject, silence_subject
from app.programs.endpoints.notices import find_reached_subjects
from app.programs.lists import DEFAULT_LIMIT, After, Limit, cut_part
from app.programs.problems import Problem
from app.programs.record_shapes import list_named
from app.programs.routes import ListPart, adds, changes, reads, removes
from app.programs.wish_shapes import PreferencesChange, PreferencesShape, SubjectGiven, SubjectShape, ToldHow

WISHES = "/notifications/preferences"
MUTES = "/notifications/mutes"
FOLLOWED = "/notifications/following"
OF_THING = "/{subject:str}"


def write_time(minutes: int | None) -> str | None:
    """A time of the day."""
    return None if minutes is None else f"{minutes // 60:02}:{minutes % 60:02}"


def read_minutes(text: str | None) -> int | None:
    """A time of the day in minutes."""
    return None if text is None else int(text[:2]) * 60 + int(text[3:])


@reads(WISHES, scope="notifications:read")
async def show_wishes(transaction: Transaction, member: Member) -> PreferencesShape:
    """What one is told, and how."""
    return await shape_wishes(transaction, member)


async def shape_wishes(transaction: Transaction, member: Member) -> PreferencesShape:
    """What a member is told, and how."""
    times = (await read_times(transaction, [member.id]))[member.id]
    choices = await list_choices(transaction, member)
    told: Any = {kind.name: ToldHow(each.in_app, each.mail, kind.fixed) for kind, each in choices}  # type: ignore[arg-type]
    return PreferencesShape(told, write_time(times.quiet_from), write_time(times.quiet_until), times.zone.key)


@changes(WISHES, scope="notifications:write")
async def change_wishes(transaction: Transaction, member: Member, data: PreferencesChange) -> PreferencesShape:
    """Choose what one is told, and how."""
    wanted = list_named(data)
    known = {kind.name for kind, _ in await list_choices(transaction, member)}
    if unknown := wanted.get("kinds", {}).keys() - known:
        raise Problem("invalid", errors={f"kinds.{sorted(unknown)[0][:60]}": "There is no such kind."})
    times = (await read_times(transaction, [member.id]))[member.id]
    quiet = {
        name: read_minutes(wanted[name]) if name in wanted else getattr(times, name)
        for name in ("quiet_from", "quiet_until")
    }
    if (quiet["quiet_from"] is None) != (quiet["quiet_until"] is None):
        raise Problem("invalid", errors={"quiet_until": "Fill in both, or neither."})
    if wanted.keys() & {*quiet, "time_zone"}:
        await choose_times(transaction, member, **quiet, time_zone=wanted.get("time_zone", times.zone.key))
    for name, each in wanted.get("kinds", {}).items():
        await choose(transaction, member.id, NOTIFICATION_KINDS[name], Choice(each.in_app, each.mail))
    return await shape_wishes(transaction, member)


async def reach_subject(transaction: Transaction, member: Member, text: str) -> None:
    """Raise NotFoundException for a subject that the member may not see, or the token is not for."""
    subject = await get_subject(transaction, member, text)
    if not await find_reached_subjects(transaction, member, [subject]):
        raise NotFoundException


@reads(MUTES, scope="notifications:read")
async def list_muted(
    transaction: Transaction, member: Member, limit: Limit = DEFAULT_LIMIT, next: After = ""
) -> ListPart[SubjectShape]:
    """The things that one hears nothing more of, as far as one may see them still."""
    mutes = [(each.subject_kind, each.subject_id) for each in await list_mutes(transaction, member)]
    reached = await find_reached_subjects(transaction, member, mutes)
    shown, following = cut_part(reached.intersection(mutes), limit, next, "mutes", lambda each: each, str, int)
    return ListPart([SubjectShape(f"{kind}-{number}") for kind, number in shown], following)


@adds(MUTES, scope="notifications:write", status_code=200)
async def mute_by_program(
    request: AnyRequest, transaction: Transaction, member: Member, data: SubjectGiven
) -> SubjectShape:
    """Hear nothing more of a thing, and count what was told of it as read."""
    await reach_subject(transaction, member, data.subject)
    await silence_subject(transaction, member, data.subject)
    return SubjectShape(data.subject)


@removes(MUTES + OF_THING, scope="notifications:write")
async def unmute_by_program(transaction: Transaction, member: Member, subject: str) -> None:
    """Hear of a thing again. One that is not muted is no error."""
    await reach_subject(transaction, member, subject)
    await unmute(transaction, member, *split(subject))


@adds(FOLLOWED, scope="notifications:write", status_code=200)
async def follow_by_program(
    request: AnyRequest, transaction: Transaction, member: Member, data: SubjectGiven
) -> SubjectShape:
    """Follow a thing, such as a record: one is told when others change it."""
    await reach_subject(transaction, member, data.subject)
    await choose_following(transaction, member, data.subject, following=True)
    return SubjectShape(data.subject)


@removes(FOLLOWED + OF_THING, scope="notifications:write")
async def unfollow_by_program(transaction: Transaction, member: Member, subject: str) -> None:
    """Follow a thing no more, though one has made it."""
    await reach_subject(transaction, member, subject)
    await choose_following(transaction, member, subject, following=False)


endpoints: list[Any] = [
    show_wishes,
    change_wishes,
    list_muted,
    mute_by_program,
    unmute_by_program,
    follow_by_program,
    unfollow_by_program,
]
