"""What is sent: a fact as JSON, with the headers of Standard Webhooks."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from msgspec import Struct

from app.database import now
from app.tenants.deliveries import CameBack
from app.webhooks.choosing import FactToSend
from app.webhooks.deliveries import WebhookDelivery
from app.webhooks.signing import sign_message


class WebhookMessage(Struct, frozen=True):
    """Something to be sent. Its id is the same however often it is."""

    message_id: str
    kind: str
    body: bytes
    channel: str = ""
    cursor: int | None = None

    def sign(self, webhook_secrets: list[str]) -> dict[str, str]:
        """The headers to send it with now."""
        timestamp = int(now().timestamp())
        return {
            "content-type": "application/json",
            "webhook-id": self.message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign_message(webhook_secrets, self.message_id, timestamp, self.body),
        }


class SentMessage(Struct, frozen=True):
    """What was sent, and what came of it."""

    message: WebhookMessage
    came: CameBack

    def keep(self, webhook_id: int) -> WebhookDelivery:
        """The row that tells of it."""
        message = self.message
        named = {"cursor": message.cursor, "channel": message.channel, "kind": message.kind}
        return WebhookDelivery(
            webhook_id=webhook_id,
            message_id=message.message_id,
            body=message.body.decode(),
            **named,
            **self.came.kept,
        )


def write_fact_message(webhook_id: int, slug: str, fact: FactToSend) -> WebhookMessage:
    """A fact as it is sent to a webhook. Its data are JSON already."""
    named: dict[str, str | int] = {"type": fact.kind, "timestamp": write_sent_moment(fact.at), "workspace": slug}
    named |= {"cursor": fact.cursor, "channel": fact.channel}
    text = f'{json.dumps(named, separators=(",", ":"))[:-1]},"data":{fact.data}}}'
    return WebhookMessage(f"msg_{webhook_id}_{fact.cursor}", fact.kind, text.encode(), fact.channel, fact.cursor)


def write_test_message(number: int, slug: str) -> WebhookMessage:
    """What is sent to try a webhook."""
    named = {"type": "webhook.test", "timestamp": write_sent_moment(now()), "workspace": slug, "data": {}}
    return WebhookMessage(f"msg_test_{number}", "webhook.test", json.dumps(named, separators=(",", ":")).encode())


def write_sent_moment(at: datetime) -> str:
    """A moment as JSON has it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
