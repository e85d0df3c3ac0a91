"""Presence: who is in a workspace now. Several tabs are one person, and a reload does not flicker."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.shell import sidebar_section
from app.database import Transaction
from app.live.hub import Hub
from app.web.templates import render

# How long somebody stays 'here' after their last tab went: a reload takes less.
GRACE = 5.0
SHOWN = 24


@dataclass(frozen=True, slots=True)
class Person:
    """What presence shows of a member."""

    id: int
    name: str


class Presence:
    """Counts the sockets of each member of each workspace in this process."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.people: dict[int, dict[int, Person]] = defaultdict(dict)
        self.sockets: dict[tuple[int, int], int] = defaultdict(int)
        self.languages: dict[int, str] = {}
        self.leaving: dict[tuple[int, int], asyncio.TimerHandle] = {}

    def join(self, tenant_id: int, language: str, person: Person) -> None:
        """A member's page has connected."""
        key = (tenant_id, person.id)
        self.sockets[key] += 1
        self.languages[tenant_id] = language
        if leaving := self.leaving.pop(key, None):
            leaving.cancel()
        if self.people[tenant_id].get(person.id) != person:
            self.people[tenant_id][person.id] = person
            self.announce(tenant_id)

    def leave(self, tenant_id: int, member_id: int, *, at_once: bool = False) -> None:
        """A member's page is gone; after a grace, so is the member, unless another page of theirs is open."""
        key = (tenant_id, member_id)
        self.sockets[key] -= 1
        if self.sockets[key] > 0:
            return
        del self.sockets[key]
        if at_once:
            self.forget(tenant_id, member_id)
        else:
            self.leaving[key] = asyncio.get_running_loop().call_later(GRACE, self.forget, tenant_id, member_id)

    def forget(self, tenant_id: int, member_id: int) -> None:
        """A member is not here any more."""
        self.leaving.pop((tenant_id, member_id), None)
        if self.people[tenant_id].pop(member_id, None) is not None:
            self.announce(tenant_id)
        if not self.people[tenant_id]:
            del self.people[tenant_id]

    def here(self, tenant_id: int) -> dict[str, Any]:
        """Variables of the partial: the first people by name, and how many more there are."""
        people = sorted(
            self.people.get(tenant_id, {}).values(),
            key=lambda person: (person.name.lower(), person.id),
        )
        return {"people": people[:SHOWN], "more": max(0, len(people) - SHOWN)}

    def render(self, tenant_id: int) -> str:
        """The frame that brings a page's sidebar up to date."""
        return render(self.languages.get(tenant_id, "en"), "live/here_push.html", **self.here(tenant_id))

    def announce(self, tenant_id: int) -> None:
        """Tell every page of the workspace who is here."""
        self.hub.signal(tenant_id, "tenant", self.render(tenant_id))


@sidebar_section("live/_here.html", order=90)
async def here_section(request: AnyRequest, transaction: Transaction, member: Member) -> dict[str, Any]:
    """Who is here now."""
    presence: Presence = request.app.state.node.presence
    return presence.here(transaction.tenant.id)
