"""What people do with webhooks: switch them, give them another secret, skip and repeat, and remove them."""

from __future__ import annotations

from typing import Literal

from sqlalchemy import bindparam, delete, func, select, update

from app.database import PreparedChange, PreparedSelect, Transaction, UtcDateTime, now
from app.settings import Settings
from app.web.errors import Gone
from app.web.forms import Invalid
from app.web.texts import _l
from app.webhooks.facts import WebhookChanged, WebhookRemoved
from app.webhooks.signing import make_webhook_seed, webhook_secret_of
from app.webhooks.webhooks import MOST_WEBHOOKS, Webhook, WebhookTurn, get_webhook, has_rights

WebhookAct = Literal["enabled", "disabled", "rotated", "skipped", "replayed"]

COUNT_ASKED = PreparedSelect(
    lambda: select(func.count(WebhookTurn.id)).where(
        WebhookTurn.workspace_id == bindparam("workspace_id"), WebhookTurn.what != "log"
    )
)
BEGIN_ANEW = PreparedChange(
    lambda: (
        update(WebhookTurn)
        .where(WebhookTurn.id == bindparam("turn_id"))
        .values(
            cursor=bindparam("behind"),
            active=bindparam("is_active"),
            lease=WebhookTurn.lease + 1,
            leased_until=None,
            due_at=bindparam("moment", callable_=now, type_=UtcDateTime()),
            failures=0,
            failing_since=None,
            failing_cursor=None,
        )
    )
)
DELETE_WEBHOOK = PreparedChange(lambda: delete(Webhook).where(Webhook.id == bindparam("id")))


async def begin_anew(transaction: Transaction, turn: WebhookTurn, cursor: int, *, active: bool | None = None) -> None:
    """Let a webhook go on behind a cursor, at once; who is at it now does not count any more."""
    await transaction.apply(
        BEGIN_ANEW, turn_id=turn.id, behind=cursor, is_active=turn.active if active is None else active
    )


def note_webhook_change(
    transaction: Transaction, webhook: Webhook, what: WebhookAct, *, cursor: int | None = None
) -> None:
    """Note what somebody has done with a webhook; workers look at what is due when that is committed."""
    transaction.due = True
    by = transaction.actor
    transaction.note(WebhookChanged(by=by, webhook_id=webhook.id, host=webhook.host, what=what, cursor=cursor))


async def set_webhook_enabled(transaction: Transaction, webhook_id: int, *, enabled: bool) -> None:
    """Switch a webhook on, which goes on where it was, as far as the log has that; or off. Raises Invalid where its
    maker may not have it any more."""
    webhook, turn, maker = await get_webhook(transaction, webhook_id)
    if enabled == (webhook.disabled_at is None):
        return
    if enabled and not has_rights(maker):
        raise Invalid(
            **{"": _l("%(name)s, who created it, can no longer have webhooks. Create a new one.", name=maker.name)}
        )
    await transaction.change(webhook, disabled_at=None if enabled else now(), disabled_why="")
    await begin_anew(transaction, turn, turn.cursor, active=enabled)
    note_webhook_change(transaction, webhook, "enabled" if enabled else "disabled")


async def rotate_webhook_secret(transaction: Transaction, settings: Settings, webhook_id: int) -> str:
    """Give a webhook another secret, and say it, this once; the one before signs, too, for a day."""
    webhook, _, _ = await get_webhook(transaction, webhook_id)
    await transaction.change(webhook, old_seed=webhook.seed, seed=make_webhook_seed(), rotated_at=now())
    note_webhook_change(transaction, webhook, "rotated")
    return webhook_secret_of(settings.secret_key, webhook.seed)


async def skip_fact(transaction: Transaction, webhook_id: int, cursor: int) -> None:
    """Go on behind the fact that can't be sent, if it is the one that was meant."""
    webhook, turn, _ = await get_webhook(transaction, webhook_id)
    if turn.failing_cursor is None or turn.failing_cursor != cursor:
        raise Gone(_l("This event was already sent or skipped."))
    await begin_anew(transaction, turn, cursor)
    note_webhook_change(transaction, webhook, "skipped", cursor=cursor)


async def replay_from(transaction: Transaction, webhook_id: int, cursor: int) -> None:
    """Send again all from a cursor on that the log has, and its maker may see now. Raises Invalid."""
    webhook, turn, _ = await get_webhook(transaction, webhook_id)
    if not 0 < cursor <= transaction.tenant.cursor:
        text = _l("Enter an event number up to %(number)d.", number=transaction.tenant.cursor)
        raise Invalid(**{"from": text})
    await begin_anew(transaction, turn, cursor - 1)
    note_webhook_change(transaction, webhook, "replayed", cursor=cursor)


async def ask_to_send(transaction: Transaction, webhook_id: int, what: str, cursor: int = 0) -> None:
    """Have a test, or the fact at a cursor, sent beside the log. Raises Invalid while much of that waits."""
    await get_webhook(transaction, webhook_id)
    if (await transaction.value(COUNT_ASKED, workspace_id=transaction.tenant.id) or 0) >= MOST_WEBHOOKS:
        raise Invalid(**{"": _l("Other events are still being sent. Try again in a moment.")})
    whose = {"workspace_id": transaction.tenant.id, "webhook_id": webhook_id}
    await transaction.insert(WebhookTurn(**whose, what=what, cursor=cursor))
    transaction.due = True


async def remove_webhook(transaction: Transaction, webhook_id: int) -> None:
    """Remove a webhook, with what it has sent."""
    webhook, _, _ = await get_webhook(transaction, webhook_id)
    host = webhook.host
    await transaction.apply(DELETE_WEBHOOK, id=webhook.id)
    transaction.note(WebhookRemoved(by=transaction.actor, webhook_id=webhook_id, host=host))
