"""Presence: who is in a workspace now, and who reads the same thing, over all nodes.

Several tabs are one person, and a reload does not flicker. Each node tells the others who comes and goes, numbered, so
that a node that has missed something notices with the next beat and asks for all. A node that is not heard any more
takes its people along when its lease ends. Nothing of it is stored anywhere.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from msgspec import Struct, field
from msgspec.structs import asdict

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.rights import may
from app.accounts.shell import sidebar_section
from app.database import Transaction
from app.live.bus import Bus
from app.live.channels import presence_partial
from app.live.connection import Connection
from app.live.hub import Hub
from app.live.places import place_of_signals
from app.web.templates import render

# How long somebody stays 'here' after their last tab went: a reload takes less.
LEAVE_GRACE = 5.0
# How long a node's people stay 'here' after it was heard for the last time. It beats every second.
PRESENCE_LEASE = 5.0
# A place is announced at most this often, as after a restart everybody comes at once.
ANNOUNCE_EVERY = 0.5
READERS_SHOWN = 24

PresenceKey = tuple[int, str]


class Person(Struct, frozen=True):
    """What presence shows of a member."""

    id: int
    name: str


class OtherNode(Struct):
    """What another node has said about its people; `version` counts what it said. -1: something was missed."""

    until: float
    version: int = -1
    people: dict[PresenceKey, dict[int, Person]] = field(default_factory=lambda: defaultdict(dict))


class Presence:
    """Counts, for each channel with presence, the sockets of each member here, and knows who is at other nodes."""

    def __init__(self, hub: Hub, bus: Bus) -> None:
        self.hub = hub
        self.bus = bus
        self.people: dict[PresenceKey, dict[int, Person]] = defaultdict(dict)
        self.others: dict[str, OtherNode] = {}
        self.version = 0
        self.announcing: dict[PresenceKey, asyncio.TimerHandle] = {}
        self.announce_again: set[PresenceKey] = set()
        self.sockets: dict[tuple[PresenceKey, int], int] = defaultdict(int)
        self.languages: dict[int, str] = {}
        self.leaving: dict[tuple[PresenceKey, int], asyncio.TimerHandle] = {}
        # Who is there as partials list them, and these partials, until it changes.
        self.listed: dict[PresenceKey, dict[str, Any]] = {}
        self.frames: dict[PresenceKey, tuple[str, str]] = {}
        # Who else is told where it is not the same any more.
        self.on_change: list[Callable[[PresenceKey], None]] = []
        bus.beat = lambda: self.version
        bus.handlers.update(
            {"beat": self.hear_beat, "here": self.hear_here, "gone": self.hear_gone, "all": self.hear_all}
        )
        bus.handlers["ask"] = lambda sender, wanted: self.tell_all(wanted)
        bus.on_join.append(lambda: self.tell_all(""))

    def join(self, tenant_id: int, language: str, channel: str, person: Person) -> bool:
        """A member's page follows the channel. True when this is news, of which every page hears, this one too."""
        place = (tenant_id, channel)
        self.sockets[place, person.id] += 1
        if leaving := self.leaving.pop((place, person.id), None):
            leaving.cancel()
        return self.stay(tenant_id, language, channel, person)

    def stay(self, tenant_id: int, language: str, channel: str, person: Person) -> bool:
        """A page that follows the channel goes on; the member's name, and the language, are what they are now."""
        place = (tenant_id, channel)
        self.languages[tenant_id] = language
        return self.people[place].get(person.id) != person and self.show(place, person)

    def show(self, place: PresenceKey, person: Person) -> bool:
        """A member is here, or is called something else now. False when another node has said so already."""
        before = self.find(place, person.id)
        self.people[place][person.id] = person
        self.version += 1
        self.bus.publish("here", [self.version, *place, asdict(person)])
        return self.announce_change(place, person.id, before)

    def leave(self, tenant_id: int, channel: str, member_id: int, *, at_once: bool = False) -> None:
        """A member's page is gone; after a grace, so is the member, unless another page of theirs is open."""
        place = (tenant_id, channel)
        self.sockets[place, member_id] -= 1
        if self.sockets[place, member_id] > 0:
            return
        del self.sockets[place, member_id]
        if at_once:
            self.forget(place, member_id)
        else:
            loop = asyncio.get_running_loop()
            self.leaving[place, member_id] = loop.call_later(LEAVE_GRACE, self.forget, place, member_id)

    def forget(self, place: PresenceKey, member_id: int) -> None:
        """A member is not here any more."""
        self.leaving.pop((place, member_id), None)
        before = self.find(place, member_id)
        if self.people[place].pop(member_id, None) is not None:
            self.version += 1
            self.bus.publish("gone", [self.version, *place, member_id])
        if not self.people[place]:
            del self.people[place]
            if place[0] not in self.hub.connections:
                self.languages.pop(place[0], None)
        self.announce_change(place, member_id, before)

    def tell_all(self, wanted: str) -> None:
        """Tell the other nodes who is here, if this node is meant ('': every node is)."""
        if wanted not in ("", self.bus.name):
            return
        places = [[*place, [asdict(person) for person in people.values()]] for place, people in self.people.items()]
        self.bus.publish("all", [self.version, places], needed=True)

    def hear(self, sender: str, version: int) -> OtherNode | None:
        """A node has said something of which it counts `version`. None when something before was missed."""
        until = asyncio.get_running_loop().time() + PRESENCE_LEASE
        node = self.others.setdefault(sender, OtherNode(until))
        node.until = until
        if node.version == version - 1:
            node.version = version
            return node
        if node.version != -1:
            node.version = -1
            self.bus.publish("ask", sender)
        return None

    def hear_beat(self, sender: str, version: int) -> None:
        """Another node lives, and has said so much until now."""
        node = self.others.setdefault(sender, OtherNode(0.0))
        node.until = asyncio.get_running_loop().time() + PRESENCE_LEASE
        if node.version != version:
            self.bus.publish("ask", sender)

    def hear_here(self, sender: str, content: Any) -> None:
        """Somebody is at another node."""
        version, tenant_id, channel, person = content
        if node := self.hear(sender, version):
            place = (tenant_id, channel)
            before = self.find(place, person["id"])
            node.people[place][person["id"]] = Person(**person)
            self.announce_change(place, person["id"], before)

    def hear_gone(self, sender: str, content: Any) -> None:
        """Somebody is at another node no more."""
        version, tenant_id, channel, member_id = content
        if node := self.hear(sender, version):
            place = (tenant_id, channel)
            before = self.find(place, member_id)
            node.people[place].pop(member_id, None)
            if not node.people[place]:
                del node.people[place]
            self.announce_change(place, member_id, before)

    def hear_all(self, sender: str, content: Any) -> None:
        """Who is at another node."""
        version, places = content
        told = OtherNode(asyncio.get_running_loop().time() + PRESENCE_LEASE, version)
        for tenant_id, channel, people in places:
            told.people[tenant_id, channel] = {person["id"]: Person(**person) for person in people}
        self.replace(sender, told)

    def end_leases(self) -> None:
        """Forget the nodes that are not heard any more."""
        moment = asyncio.get_running_loop().time()
        for sender in [sender for sender, node in self.others.items() if node.until <= moment]:
            self.replace(sender, None)

    def replace(self, sender: str, told: OtherNode | None) -> None:
        """Put what is known of a node in the place of what was known."""
        known = self.others.get(sender)
        places = {*(known.people if known else ()), *(told.people if told else ())}
        before = {place: self.gather(place) for place in places}
        self.others.pop(sender, None)
        if told:
            self.others[sender] = told
        for place in places:
            if self.gather(place) != before[place]:
                self.announce(place)

    def find(self, place: PresenceKey, member_id: int) -> Person | None:
        """Somebody who follows a channel with presence, as `gather` finds them; None when they do not."""
        people = (self.people, *(node.people for node in reversed(self.others.values())))
        return next((each[place][member_id] for each in people if member_id in each.get(place, ())), None)

    def gather(self, place: PresenceKey) -> dict[int, Person]:
        """Who follows a channel with presence, at any node."""
        found: dict[int, Person] = {}
        for node in self.others.values():
            found.update(node.people.get(place, {}))
        found.update(self.people.get(place, {}))
        return found

    def list_people(self, tenant_id: int, channel: str) -> dict[str, Any]:
        """Variables of the partial: the first people by name, and how many more there are."""
        place = (tenant_id, channel)
        listed = self.listed.get(place)
        if listed is None:
            people = sorted(self.gather(place).values(), key=lambda person: (person.name.lower(), person.id))
            listed = {"people": people[:READERS_SHOWN], "more": max(0, len(people) - READERS_SHOWN)}
            if people:
                self.listed[place] = listed
        return listed

    def render(self, tenant_id: int, channel: str) -> str:
        """The frame that brings a page up to date with who follows a channel."""
        place, language = (tenant_id, channel), self.languages.get(tenant_id, "en")
        written_in, frame = self.frames.get(place, ("", ""))
        if written_in != language:
            frame = render(language, presence_partial(channel), channel=channel, **self.list_people(*place))
            if place in self.listed:
                self.frames[place] = (language, frame)
        return frame

    def bring_up_to_date(self, connection: Connection, channel: str) -> None:
        """Show a page that has come who else follows a channel; where that is told to all pages in a moment, then."""
        place = (connection.tenant_id, channel)
        if place not in self.announce_again:
            connection.write(self.render(*place))

    def announce_change(self, place: PresenceKey, member_id: int, before: Person | None) -> bool:
        """Announce who follows a channel, if somebody does who did not before, or does no more; whether it is so."""
        changed = self.find(place, member_id) != before
        if changed:
            self.announce(place)
        return changed

    def announce(self, place: PresenceKey) -> None:
        """Tell every page of this node that follows a channel who does now: now, or with what else comes in a moment.

        What was listed and rendered of it is made anew when it is needed next.
        """
        self.listed.pop(place, None)
        self.frames.pop(place, None)
        for tell in self.on_change:
            tell(place)
        if place in self.announcing:
            self.announce_again.add(place)
            return
        tenant_id, channel = place
        pages, programs = place in self.hub.followers, (tenant_id, place_of_signals(channel)) in self.hub.followers
        if not pages and not programs:
            return
        self.announcing[place] = asyncio.get_running_loop().call_later(ANNOUNCE_EVERY, self.rest, place)
        if pages:
            self.hub.signal(*place, self.render(*place))
        if programs:
            self.hub.signal_programs(*place, "presence", **self.tell_people(*place))

    def tell_people(self, tenant_id: int, channel: str) -> dict[str, Any]:
        """Who follows a channel, as programs get it: the first people by name, and how many more there are."""
        listed = self.list_people(tenant_id, channel)
        return {"people": [asdict(person) for person in listed["people"]], "more": listed["more"]}

    def rest(self, place: PresenceKey) -> None:
        """A place may be announced again."""
        del self.announcing[place]
        if place in self.announce_again:
            self.announce_again.discard(place)
            self.announce(place)


@sidebar_section("live/_here.html", order=90)
async def here_section(request: AnyRequest, transaction: Transaction, member: Member) -> dict[str, Any]:
    """Who is here now; guests see that of the rooms that they are in."""
    presence: Presence = request.app.state.node.presence
    if not may(member, "follow", "tenant"):
        return {"people": [], "more": 0, "nobodys": True}
    return presence.list_people(transaction.tenant.id, "tenant")


def list_readers(request: AnyRequest, transaction: Transaction, channel: str) -> dict[str, Any]:
    """Who reads now what a channel is about, as variables of `live/_readers.html`."""
    presence: Presence = request.app.state.node.presence
    return {"channel": channel, **presence.list_people(transaction.tenant.id, channel)}
