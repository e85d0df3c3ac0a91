"""What admins are told of apps."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, select

from app.accounts.facts import AccountEnded, RoleChanged
from app.accounts.members import Member
from app.accounts.rights import is_at_least
from app.database import Follower, PreparedSelect, Transaction
from app.gateway.apps import GatewayApp
from app.notifications.facts import MailsDue
from app.notifications.kinds import NotificationKind
from app.notifications.notifications import Occasion, notify_all
from app.web.texts import _l

APP_KINDS = (
    NotificationKind(
        "app-maker",
        label=_l("The creator of an app loses rights"),
        why=_l("Admins are told, because its bot can now do more than its creator."),
        one={"": _l("The creator of the app %(title)s now has a lower role than its bot")},
        many=_l("%(count)d notifications about %(title)s"),
        icon="key",
        mail="once",
        role="admin",
    ),
)
LIST_MADE = PreparedSelect(
    lambda: (
        select(GatewayApp.maker_id, Member.id, Member.role)
        .join(Member, (Member.id == GatewayApp.member_id) & (Member.tenant_id == GatewayApp.tenant_id))
        .where(
            GatewayApp.maker_id.in_(bindparam("makers")),
            GatewayApp.ended_at.is_(None),
            Member.removed_at.is_(None),
        )
        .order_by(GatewayApp.id)
    )
)


async def tell_of_makers(transaction: Transaction, facts: Sequence[RoleChanged | AccountEnded]) -> None:
    """Tell admins of apps whose bots may do more than whoever made them, who has another role now, or has left."""
    roles = {fact.member_id: fact.after if isinstance(fact, RoleChanged) else "" for fact in facts}
    found = await transaction.rows(LIST_MADE, makers=list(roles))
    people = await transaction.find_all(Member, {fact.by.member_id for fact in facts if fact.by.member_id})
    by = {fact.member_id: people.get(fact.by.member_id or 0) for fact in facts}
    await notify_all(
        transaction,
        [
            Occasion(("member", bot_id), [("app-maker", "admin")], by=by[maker_id])
            for maker_id, bot_id, role in found
            if maker_id is not None and not (roles[maker_id] and is_at_least(roles[maker_id], role))
        ],
    )


makers_told = Follower(tell_of_makers, (RoleChanged, AccountEnded), notes=(MailsDue,))
