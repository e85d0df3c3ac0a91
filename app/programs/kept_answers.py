"""Requests that are sent again, as their answers were lost: with the same `Idempotency-Key`, each is done once.

What was answered is kept in the transaction that did it, so that a process that dies has done both or neither.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from litestar import Response
from sqlalchemy import ForeignKeyConstraint, LargeBinary, String, bindparam, select
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.access import AnyRequest, write_signed_in
from app.accounts.members import Member
from app.database import Base, PreparedSelect, Tenanted, Transaction, UtcDateTime, now
from app.jobs.sweeps import delete_by_keys, sweeps
from app.programs.problems import Problem

ANSWERS_KEPT_FOR = timedelta(hours=24)
IDEMPOTENCY_KEY = re.compile(r"[!-~]{1,255}")
# The fields of an answer that are kept with it.
KEPT_FIELDS = ("etag", "location", "content-type")


class KeptAnswer(Tenanted, Base):
    """What a request with a key was answered. `key` is a digest of its address and key, `sent` one of what it held.

    An answer that holds a secret is not kept: it has no `body`.
    """

    __tablename__ = "kept_answer"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "token_id"], ["token.tenant_id", "token.id"], ondelete="CASCADE"),
    )

    token_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    sent: Mapped[str] = mapped_column(String(64))
    status: Mapped[int]
    fields: Mapped[str] = mapped_column(String(600))
    body: Mapped[bytes | None] = mapped_column(LargeBinary)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


@sweeps(KeptAnswer)
async def delete_kept_answers(transaction: Transaction, limit: int) -> int:
    """Delete answers to what nobody sends again."""
    return await delete_by_keys(transaction, KeptAnswer, KeptAnswer.made_at < now() - ANSWERS_KEPT_FOR, limit=limit)


FIND_KEPT = PreparedSelect(
    lambda: select(KeptAnswer).where(
        KeptAnswer.token_id == bindparam("token_id"),
        KeptAnswer.key == bindparam("key"),
        KeptAnswer.made_at > bindparam("since"),
    )
)


def read_key(headers: Mapping[str, str]) -> str | None:
    """The key of a request, if it has one. Raises a 400 problem."""
    given = headers.get("idempotency-key")
    if given is not None and not IDEMPOTENCY_KEY.fullmatch(given):
        raise Problem("bad-request", "An Idempotency-Key has 1 to 255 characters, all of them visible ASCII.")
    return given


def digest_route(request: AnyRequest, key: str) -> str:
    """What a key is kept as: it is one of its address."""
    return hashlib.sha256(f"{request.method} {request.scope['path']}\n{key}".encode()).hexdigest()


async def digest_sent(request: AnyRequest) -> str:
    """A digest of what a request holds; of a file that it brought, the one that was made while that came."""
    if sent := request.scope["state"].get("sent"):
        return str(sent)
    return hashlib.sha256(request.scope["query_string"] + b"\n" + await request.body()).hexdigest()


async def find_kept_answer(request: AnyRequest, transaction: Transaction, key: str) -> KeptAnswer | None:
    """What was answered to a request with this key.

    Raises a 422 problem where that was another request, and a 409 one where the answer held a secret.
    """
    found = await transaction.find(
        FIND_KEPT,
        token_id=transaction.actor.token_id,
        key=digest_route(request, key),
        since=now() - ANSWERS_KEPT_FOR,
    )
    if found is None:
        return None
    (kept,) = found
    if kept.sent != await digest_sent(request):
        raise Problem("key-reused", "The Idempotency-Key was sent with something else before.")
    if kept.body is None:
        raise Problem("answer-not-kept", "It was done with this Idempotency-Key, and its answer held a secret.")
    return kept


Work = Callable[[Transaction, Member], Awaitable[msgspec.Struct]]


async def write_once(
    request: AnyRequest, status: int, work: Work, *, part: int | None = None
) -> tuple[Response[Any], bool]:
    """Do a work in a writing transaction of its own, for an endpoint that asks a limit or reads a long body before:
    once for each `Idempotency-Key`, with who asks as they are by then. The answer, and whether it was done by now. One
    that takes several transactions says which `part` it is."""
    key = read_key(request.headers)
    if key and part is not None:
        key = key_of_part(key, part)
    async with write_signed_in(request) as (transaction, member):
        if key and (kept := await find_kept_answer(request, transaction, key)):
            return repeat_answer(kept), False
        answer = msgspec.json.encode(await work(transaction, member))
        if key:
            fields = json.dumps({"content-type": "application/json"})
            await keep_program_answer(request, transaction, key, status, fields, answer)
    return Response(answer, status_code=status, media_type="application/json"), True


async def is_part_done(request: AnyRequest, transaction: Transaction, part: int) -> bool:
    """Whether a part of what takes several transactions was done, with the request's key."""
    key = read_key(request.headers)
    return key is not None and await find_kept_answer(request, transaction, key_of_part(key, part)) is not None


def key_of_part(key: str, part: int) -> str:
    """What a part of the work of a key is kept by, which no key of a request is."""
    return f"{key} {part}"


def repeat_answer(kept: KeptAnswer) -> Response[Any]:
    """What was answered before, once more."""
    return Response(kept.body or b"", status_code=kept.status, headers=json.loads(kept.fields))


async def keep_program_answer(
    request: AnyRequest, transaction: Transaction, key: str, status: int, fields: str, body: bytes | None
) -> None:
    """Keep what a request with a key is answered."""
    token_id = transaction.actor.token_id
    kept = KeptAnswer(token_id=token_id, key=digest_route(request, key), sent=await digest_sent(request))
    kept.status, kept.fields, kept.body = status, fields, body
    await transaction.insert(kept)
