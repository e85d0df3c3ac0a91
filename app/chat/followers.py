"""What follows in chat from facts."""

from __future__ import annotations

from app.accounts.facts import MemberJoined, MemberRenamed
from app.chat.channels import (
    rename_direct_rooms,
    show_archived,
    show_cards,
    show_changed,
    show_entered,
    show_left,
    show_lists,
    show_made,
    show_opened,
    show_posted,
    show_rooms,
)
from app.chat.facts import (
    DiscussionOpened,
    MemberEntered,
    MemberInvited,
    MemberLeft,
    MessageChanged,
    MessageDeleted,
    MessageEdited,
    MessagePosted,
    RoomArchived,
    RoomChanged,
    RoomMade,
)
from app.chat.notices import tell_edited, tell_invited, tell_posted, withdraw_deleted
from app.chat.rooms import join_general
from app.database import Follower
from app.editing.facts import OfRow

general_joined = Follower(join_general, (MemberJoined,))
direct_rooms_renamed = Follower(rename_direct_rooms, (MemberRenamed,))
messages_told = Follower(tell_posted, (MessagePosted,))
edits_told = Follower(tell_edited, (MessageEdited,))
deleted_withdrawn = Follower(withdraw_deleted, (MessageDeleted,))
invited_told = Follower(tell_invited, (MemberInvited,))
left_shown = Follower(show_left, (MemberLeft,))
discussions_shown = Follower(show_opened, (DiscussionOpened,))
rooms_made_shown = Follower(show_made, (RoomMade,))
rooms_changed_shown = Follower(show_rooms, (RoomChanged,))
archived_shown = Follower(show_archived, (RoomArchived,))
lists_shown = Follower(show_lists, (RoomMade, RoomChanged, RoomArchived))
entered_shown = Follower(show_entered, (MemberEntered,))
messages_shown = Follower(show_posted, (MessagePosted,))
messages_changed_shown = Follower(show_changed, (MessageChanged,))
cards_shown = Follower(show_cards, (OfRow,))
