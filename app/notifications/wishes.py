"""What a member wants to hear of: a thing that they follow, or nothing more of one, or of a kind."""

from __future__ import annotations

from functools import cache

from litestar.exceptions import NotFoundException
from sqlalchemy import BigInteger, bindparam, select

from app.accounts.members import Member
from app.accounts.rights import may
from app.database import PreparedSelect, Tenant, Transaction
from app.notifications.following import follow, mute
from app.notifications.inbox import mark_notifications_read, of_subject
from app.notifications.kinds import NOTIFICATION_KINDS, SUBJECTS, split
from app.notifications.preferences import Choice, choose


@cache
def select_visible_subject(kind: str) -> PreparedSelect[int]:
    """The select that finds something if a member may see a thing of a kind."""
    member_id, subject_id = (bindparam(name, type_=BigInteger()) for name in ("member_id", "subject_id"))
    return PreparedSelect(lambda: select(Tenant.id).where(SUBJECTS[kind].visible(member_id, subject_id)))


async def get_subject(transaction: Transaction, member: Member, text: str) -> tuple[str, int]:
    """A subject that a member may see, by its name such as `record-42`. Raises NotFoundException."""
    name, number = split(text)
    if (
        name
        and await transaction.value(select_visible_subject(name), member_id=member.id, subject_id=number) is not None
    ):
        return name, number
    raise NotFoundException


async def silence_subject(transaction: Transaction, member: Member, text: str) -> tuple[str, int]:
    """Hear nothing more of a thing, and count what was told of it as read. Raises NotFoundException."""
    subject = await get_subject(transaction, member, text)
    await mute(transaction, member, *subject)
    await mark_notifications_read(transaction, member, **of_subject(subject))
    return subject


async def silence_kind(transaction: Transaction, member: Member, name: str) -> None:
    """Hear nothing more for a reason, and count what was told for it as read. Raises NotFoundException."""
    kind = NOTIFICATION_KINDS.get(name)
    if kind is None or kind.fixed or not may(member, "be told", kind):
        raise NotFoundException
    await choose(transaction, member.id, kind, Choice(in_app=False, mail="never"))
    await mark_notifications_read(transaction, member, reason=kind.name)


async def choose_following(transaction: Transaction, member: Member, text: str, *, following: bool) -> tuple[str, int]:
    """Follow a thing or not. Raises NotFoundException for what can't be followed."""
    subject = await get_subject(transaction, member, text)
    if not SUBJECTS[subject[0]].followable:
        raise NotFoundException
    await follow(transaction, member, *subject, following=following)
    return subject
