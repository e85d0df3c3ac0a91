"""What is told of webhooks: to the maker of one, that it was disabled; and to admins, where the maker is none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, exists
from sqlalchemy.orm import aliased

from app.accounts.members import Member
from app.accounts.rights import roles_from
from app.database import Transaction
from app.notifications.kinds import NotificationKind, Subject, SubjectPlace, register_subject
from app.notifications.notifications import Occasion, notify_all
from app.web.texts import _l
from app.webhooks.facts import WebhookGivenUp
from app.webhooks.webhooks import Webhook, has_rights

WEBHOOK_KINDS = (
    NotificationKind(
        "webhook",
        label=_l("A webhook is turned off"),
        why=_l("You created this webhook, or you are an admin."),
        one={"": _l("The webhook to %(title)s was turned off and no longer sends anything")},
        many=_l("%(count)d notifications about the webhook to %(title)s"),
        icon="link",
        mail="once",
        role="admin",
        mail_subject=_l("Webhook to %(title)s turned off"),
    ),
)


def may_see_webhook(member_id: Any, subject_id: Any) -> ColumnElement[bool]:
    """Admins see webhooks."""
    person, webhook = aliased(Member), aliased(Webhook)
    seen = exists().where(
        webhook.id == subject_id,
        person.id == member_id,
        person.tenant_id == webhook.tenant_id,
        person.role.in_(roles_from("admin")),
    )
    return seen.correlate_except(person, webhook)


async def find_webhook_places(transaction: Transaction, ids: Sequence[int]) -> dict[int, SubjectPlace]:
    """Where webhooks are seen."""
    return {
        number: SubjectPlace(webhook.host, f"/settings/webhooks/{number}")
        for number, webhook in (await transaction.find_all(Webhook, ids)).items()
    }


register_subject(Subject("webhook", "link", may_see_webhook, find_webhook_places))


async def tell_given_up(transaction: Transaction, facts: Sequence[WebhookGivenUp]) -> None:
    """Tell who has made a webhook that it was disabled; admins, if they may not have one any more."""
    makers = await transaction.find_all(Member, [fact.member_id for fact in facts])
    await notify_all(
        transaction,
        [
            Occasion(
                ("webhook", fact.webhook_id),
                [("webhook", [fact.member_id] if has_rights(makers[fact.member_id]) else "admin")],
            )
            for fact in facts
        ],
    )
