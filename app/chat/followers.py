"""What follows in chat from facts."""

from __future__ import annotations

from app.accounts.facts import MemberJoined, MemberRenamed
from app.chat.channels import rename_direct_rooms, show_cards
from app.chat.rooms import join_general
from app.database import Follower
from app.editing.facts import OfRow

general_joined = Follower(join_general, (MemberJoined,))
direct_rooms_renamed = Follower(rename_direct_rooms, (MemberRenamed,))
cards_shown = Follower(show_cards, (OfRow,))
