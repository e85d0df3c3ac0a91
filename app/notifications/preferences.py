"""What each person wants to be told, and how."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from sqlalchemy import ForeignKeyConstraint, String, bindparam, select
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.members import Member
from app.accounts.rights import may
from app.database import Base, PreparedSelect, Tenanted, Transaction
from app.notifications.facts import PreferencesSaved
from app.notifications.kinds import MAILS, NOTIFICATION_KINDS, NotificationKind
from app.web.forms import Invalid
from app.web.texts import _l


class OwnChoice(Tenanted):
    """Mixin of what a member has chosen."""

    member_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


def to_member() -> ForeignKeyConstraint:
    """The key that ties a row to its member, in the same workspace."""
    return ForeignKeyConstraint(["tenant_id", "member_id"], ["member.tenant_id", "member.id"], ondelete="CASCADE")


class Preference(OwnChoice, Base):
    """How a member wants to be told of a kind; without a row, as the kind says."""

    __tablename__ = "notification_preference"
    __table_args__ = (to_member(),)

    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    in_app: Mapped[bool]
    mail: Mapped[str] = mapped_column(String(10))


LIST_PREFERENCES = PreparedSelect(
    lambda: select(Preference.kind, Preference.member_id, Preference.in_app, Preference.mail).where(
        Preference.kind.in_(bindparam("kinds"))
    )
)
LIST_OWN_PREFERENCES = PreparedSelect(
    lambda: select(Preference.kind, Preference.in_app, Preference.mail).where(
        Preference.member_id == bindparam("member_id")
    )
)


class Choice(Struct, frozen=True):
    """How somebody wants to be told of a kind."""

    in_app: bool
    mail: str


def default_choice(kind: NotificationKind) -> Choice:
    """What holds for who has not chosen."""
    return Choice(kind.in_app, kind.mail)


async def read_choices(
    transaction: Transaction, kinds: Iterable[NotificationKind], member_ids: Iterable[int]
) -> dict[str, dict[int, Choice]]:
    """How members want to be told of some kinds, by the names of the kinds and the ids of the members."""
    found = {kind.name: dict.fromkeys(member_ids, default_choice(kind)) for kind in kinds}
    chosen = [name for name in found if not NOTIFICATION_KINDS[name].fixed]
    if chosen:
        for kind, member_id, in_app, mail in await transaction.rows(LIST_PREFERENCES, kinds=chosen):
            if member_id in found[kind]:
                found[kind][member_id] = Choice(in_app, mail)
    return found


async def list_choices(transaction: Transaction, member: Member) -> list[tuple[NotificationKind, Choice]]:
    """Every kind that a member can be told of, with how."""
    rows = await transaction.rows(LIST_OWN_PREFERENCES, member_id=member.id)
    chosen = {kind: Choice(in_app, mail) for kind, in_app, mail in rows}
    return [
        (kind, default_choice(kind) if kind.fixed else chosen.get(kind.name, default_choice(kind)))
        for kind in NOTIFICATION_KINDS.values()
        if may(member, "be told", kind)
    ]


async def choose(transaction: Transaction, member_id: int, kind: NotificationKind, choice: Choice) -> None:
    """Keep how a member wants to be told of a kind; of a fixed one nothing changes.

    Raises Invalid for a way of mailing that there is none.
    """
    if choice.mail not in MAILS:
        raise Invalid(mail=_l("Choose one of these."))
    if kind.fixed:
        return
    row = await transaction.get(Preference, {"member_id": member_id, "kind": kind.name})
    if row is None:
        row = Preference(member_id=member_id, kind=kind.name, in_app=kind.in_app)
        transaction.add(row)
    shown_otherwise = row.in_app != choice.in_app
    row.in_app, row.mail = choice.in_app, choice.mail
    await transaction.flush()
    if shown_otherwise:
        transaction.note(PreferencesSaved(by=transaction.actor, member_id=member_id))
