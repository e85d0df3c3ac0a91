"""Who edits something and who waits for it, as `presence-editing.{collection}.{number}` tells them: as the row and its
queue say, whichever way each has come."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from app.database import Transaction
from app.editing import waiting
from app.editing.locks import lease_runs
from app.editing.rows import Editable, Proof, read_clock
from app.gateway.exchange import Exchange
from app.gateway.messages import write_event, write_json
from app.gateway.roster import Spot
from app.gateway.secrets import key_for
from app.gateway.targets import Asker
from app.live.log import Event
from app.records.records import Record

# As what the facts of a lock are told there.
LOCK_EVENTS = {
    "lock.taken": "lock.acquired",
    "lock.taken-over": "lock.acquired",
    "lock.freed": "lock.released",
    "lock.lapsed": "lock.released",
    "lock.offered": "lock.offered",
    "lock.asked": "lock.requested",  # `write_requested`
}
MEMBER_GONE, MEMBER_CAME = "pusher_internal:member_removed", "pusher_internal:member_added"


# What pages are shown of how somebody stands to a record (`editing/standing_push.html`).
STANDING = re.compile(r'"#record-([0-9]+)-standing"')


class Editors(Struct, frozen=True):
    """Who is there, by members' ids, as the protocol tells it; how each stands in line, by theirs; and of the lock,
    what says whose it is."""

    people: dict[str, dict[str, Any]]
    in_line: dict[int, str]
    holder_id: int | None
    offered: bool
    token: int
    version: int


async def read_editors(transaction: Transaction, record: Record) -> Editors:
    """Who edits a record, and who waits for it."""
    people: dict[str, dict[str, Any]] = {}
    in_line: dict[int, str] = {}
    for each in await waiting.list_queue(transaction, record):
        in_line[each.member_id] = each.state
        if each.state != "missed":
            people[str(each.member_id)] = describe_person(each.name, each.program, editing=False)
    held = lease_runs(record, await read_clock(transaction))
    if held and not record.lock_offered:
        person = describe_person(record.lock_name or "", record.lock_program, editing=True)
        people = {str(record.lock_member_id): person, **leave_out(people, str(record.lock_member_id))}
    holder = record.lock_member_id if held else None
    return Editors(people, in_line, holder, record.lock_offered, record.lock_token, record.version)


def describe_person(name: str, program: str | None, *, editing: bool) -> dict[str, Any]:
    """What is told of somebody who edits, or waits."""
    return {"name": name, "editing": editing} | ({"program": program} if program else {})


def leave_out(people: dict[str, dict[str, Any]], user: str) -> dict[str, dict[str, Any]]:
    """The others."""
    return {each: info for each, info in people.items() if each != user}


def secret_maker(secret_key: str, row: Editable, asker: Asker) -> Callable[[int], str]:
    """What makes the secrets of proofs of locks that the gateway holds for somebody's credential, so that any process
    knows them again when the same client comes back."""
    about = [row.tenant_id, row.kind_name, row.id, asker.member.id, asker.session_id, asker.token_id]

    def make(token: int) -> str:
        said = write_json([*about, token]).encode()
        return hmac.new(key_for(secret_key, "mutirao editing"), said, hashlib.sha256).hexdigest()[:32]

    return make


def find_own_proof(secret_key: str, row: Editable, asker: Asker) -> Proof | None:
    """The proof of a lock that the gateway holds for this very credential; None for any other lock."""
    if row.lock_member_id != asker.member.id or row.lock_offered or row.lock_proof is None:
        return None
    proof = Proof(row.lock_token, secret_maker(secret_key, row, asker)(row.lock_token))
    own = hmac.compare_digest(proof.digest(asker.member.id), row.lock_proof)
    return proof if own else None


def describe_editors(editors: Editors, user: str, proof: Proof | None) -> str:
    """Who is there, as one who comes is told; what proves the lock is told to its holder alone."""
    people = editors.people
    more: dict[str, Any] = {}
    if proof is not None:
        more = {"lock": str(proof), "version": editors.version}
        people = {**people, user: {**people.get(user, {}), **more}}
    here = {"count": len(people), "ids": list(people), "hash": people}
    return write_json({"presence": here, **more})


def find_standing_record(event: Event) -> int:
    """The id of the record to which somebody stands otherwise now, if a page of theirs is shown that; or 0."""
    found = STANDING.search(event.body, 0, 200) if event.channel.startswith("user.") else None
    return int(found[1]) if found else 0


def write_requested(channel: str, member_id: int, name: str, cursor: int = 0) -> str:
    """That a member wants to edit what somebody else does, in the one form that it has however they say so."""
    said = {"user_id": str(member_id), "name": name} | ({"cursor": cursor} if cursor else {})
    return write_event("lock.requested", write_json(said), channel)


def tell_difference(exchange: Exchange, spot: Spot, before: Editors, after: Editors) -> None:
    """Tell who has come and gone, and who edits now. Who was there already, and edits now, comes once more as that."""
    channel = spot[1]
    for user in before.people.keys() - after.people.keys():
        exchange.send(spot, write_event(MEMBER_GONE, write_json({"user_id": user}), channel), tick=0)
    for user, info in after.people.items():
        if before.people.get(user) != info:
            data = write_json({"user_id": user, "user_info": info})
            exchange.send(spot, write_event(MEMBER_CAME, data, channel), tick=0)
