"""Presence: who is in a workspace now, and who reads the same thing. Several tabs are one person, and a reload does
not flicker."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.shell import sidebar_section
from app.database import Transaction
from app.live.channels import presence_partial
from app.live.hub import Hub
from app.web.templates import render

# How long somebody stays 'here' after their last tab went: a reload takes less.
GRACE = 5.0
SHOWN = 24

Place = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Person:
    """What presence shows of a member."""

    id: int
    name: str


class Presence:
    """Counts, for each channel with presence, the sockets of each member in this process."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.people: dict[Place, dict[int, Person]] = defaultdict(dict)
        self.sockets: dict[tuple[Place, int], int] = defaultdict(int)
        self.languages: dict[int, str] = {}
        self.leaving: dict[tuple[Place, int], asyncio.TimerHandle] = {}

    def join(self, tenant_id: int, language: str, channel: str, person: Person) -> None:
        """A member's page follows the channel."""
        place = (tenant_id, channel)
        self.sockets[place, person.id] += 1
        self.languages[tenant_id] = language
        if leaving := self.leaving.pop((place, person.id), None):
            leaving.cancel()
        if self.people[place].get(person.id) != person:
            self.people[place][person.id] = person
            self.announce(place)

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
            self.leaving[place, member_id] = loop.call_later(GRACE, self.forget, place, member_id)

    def forget(self, place: Place, member_id: int) -> None:
        """A member is not here any more."""
        self.leaving.pop((place, member_id), None)
        if self.people[place].pop(member_id, None) is not None:
            self.announce(place)
        if not self.people[place]:
            del self.people[place]

    def list_people(self, tenant_id: int, channel: str) -> dict[str, Any]:
        """Variables of the partial: the first people by name, and how many more there are."""
        people = sorted(
            self.people.get((tenant_id, channel), {}).values(),
            key=lambda person: (person.name.lower(), person.id),
        )
        return {"people": people[:SHOWN], "more": max(0, len(people) - SHOWN)}

    def render(self, tenant_id: int, channel: str) -> str:
        """The frame that brings a page up to date with who follows a channel."""
        return render(
            self.languages.get(tenant_id, "en"),
            presence_partial(channel),
            channel=channel,
            **self.list_people(tenant_id, channel),
        )

    def announce(self, place: Place) -> None:
        """Tell every page that follows a channel who does."""
        self.hub.signal(*place, self.render(*place))


@sidebar_section("live/_here.html", order=90)
async def here_section(request: AnyRequest, transaction: Transaction, member: Member) -> dict[str, Any]:
    """Who is here now."""
    presence: Presence = request.app.state.node.presence
    return presence.list_people(transaction.tenant.id, "tenant")


def list_readers(request: AnyRequest, transaction: Transaction, channel: str) -> dict[str, Any]:
    """Who reads now what a channel is about, as variables of `live/_readers.html`."""
    presence: Presence = request.app.state.node.presence
    return {"channel": channel, **presence.list_people(transaction.tenant.id, channel)}
