"""What follows in chat from facts."""

from __future__ import annotations

from app.chat.channels import show_cards
from app.database import Follower
from app.editing.facts import OfRow

cards_shown = Follower(show_cards, (OfRow,))
