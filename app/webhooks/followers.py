"""What follows from what becomes of webhooks."""

from __future__ import annotations

from app.database import Follower
from app.notifications.facts import MailsDue
from app.webhooks.facts import WebhookGivenUp
from app.webhooks.notices import tell_given_up

webhooks_told = Follower(tell_given_up, (WebhookGivenUp,), notes=(MailsDue,))
