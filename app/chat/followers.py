"""What follows in chat from facts."""

from __future__ import annotations

from app.accounts.facts import MemberJoined, MemberRenamed, RoleChanged
from app.chat.channels import (
    PeopleOf,
    RoomsOf,
    UnreadFrom,
    read_lists,
    read_moves,
    read_people,
    read_sidebars,
    rename_direct_rooms,
    show_archived,
    show_incoming_bots,
    show_lists,
    show_moves,
    show_opened,
    show_people,
    show_sidebars,
    tell_of_rooms,
)
from app.chat.drafts import DraftOf
from app.chat.facts import (
    DiscussionOpened,
    MemberEntered,
    MemberInvited,
    MemberLeft,
    MessageAddressed,
    MessageChanged,
    MessageDeleted,
    MessageEdited,
    MessagePinned,
    MessagePosted,
    MessageRestored,
    RoomArchived,
    RoomChanged,
    RoomMade,
)
from app.chat.incoming_facts import IncomingMade
from app.chat.mark_channels import read_pins, show_drafts, show_pins, show_saved_changed, show_unread_from
from app.chat.new_rooms import place_in_rooms
from app.chat.notices import tell_edited, tell_invited, tell_posted, withdraw_deleted
from app.chat.pushes import read_cards, read_changed, read_posted, show_cards, show_in_rooms
from app.chat.saved import SavedOf
from app.database import Follower, Shown
from app.editing.facts import OfRow
from app.notifications.channels import Bell
from app.notifications.facts import MailsDue

rooms_entered = Follower(place_in_rooms, (MemberJoined, RoleChanged), notes=(MemberEntered, MemberLeft))
direct_rooms_renamed = Follower(rename_direct_rooms, (MemberRenamed,))
messages_told = Follower(tell_posted, (MessageAddressed,), notes=(MailsDue,))
edits_told = Follower(tell_edited, (MessageEdited,), notes=(MailsDue,))
deleted_withdrawn = Follower(withdraw_deleted, (MessageDeleted,))
invited_told = Follower(tell_invited, (MemberInvited,), notes=(MailsDue,))
discussions_shown = Shown(show_opened, (DiscussionOpened,))
archived_shown = Shown(show_archived, (RoomArchived,))
lists_shown = Shown(show_lists, (RoomMade, RoomChanged, RoomArchived), read_lists, notes=(RoomsOf, PeopleOf))
rooms_followed = Shown(tell_of_rooms, (RoomMade, DiscussionOpened, MemberEntered, MemberLeft))
moves_shown = Shown(show_moves, (MemberEntered, MemberLeft), read_moves, notes=(RoomsOf, PeopleOf, Bell))
messages_shown = Shown(show_in_rooms, (MessagePosted,), read_posted, notes=(RoomsOf,))
messages_changed_shown = Shown(show_in_rooms, (MessageChanged,), read_changed, notes=(RoomsOf,))
pins_shown = Shown(show_pins, (MessagePinned, MessageDeleted, MessageRestored), read_pins)
saved_shown = Shown(show_saved_changed, (SavedOf,))
drafts_shown = Shown(show_drafts, (DraftOf,))
unread_shown = Shown(show_unread_from, (UnreadFrom,))
cards_shown = Shown(show_cards, (OfRow,), read_cards)
sidebars_shown = Shown(show_sidebars, (RoomsOf,), read_sidebars)
people_shown = Shown(show_people, (PeopleOf,), read_people)
incoming_bots_shown = Shown(show_incoming_bots, (IncomingMade,))
