"""Tokens: which programs act as whom. One is a credential, as a session is: locks belong to it and end with it."""

from __future__ import annotations

import secrets
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType

from msgspec import Struct
from sqlalchemy import (
    JSON,
    ColumnElement,
    ForeignKeyConstraint,
    LargeBinary,
    String,
    UniqueConstraint,
    bindparam,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.facts import TokenEnded, TokenFirstUsed, TokenMade, TokensEnded
from app.accounts.members import Member, is_active
from app.accounts.scopes import SCOPES, Grant
from app.accounts.sessions import digest
from app.database import Actor, Base, PreparedChange, PreparedSelect, Tenanted, Transaction, UtcDateTime, now
from app.jobs.sweeps import delete_by_keys, sweeps
from app.web.errors import Gone
from app.web.forms import Invalid
from app.web.paging import Paged, place_of_page
from app.web.texts import _l

# What a token begins with, so that who looks for lost secrets knows one.
MARK = "mut_"
BASE_62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# 32 random bytes, and a CRC-32 of how they are written, in base 62.
RANDOM_LENGTH, SUM_LENGTH = 43, 6
LONGEST_TOKEN_NAME = 60
MOST_TOKENS = 200
# How long one that has ended is still in lists.
ENDED_IS_KEPT_FOR = timedelta(days=30)


class Token(Tenanted, Base):
    """What a program shows to act as a member, of which this row has only the SHA-256.

    It is narrowed to some collections and rooms where these are given. `origins` are the sites whose pages may send it.
    It works until `ends_at`; who ends it writes that.
    """

    __tablename__ = "token"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        ForeignKeyConstraint(["tenant_id", "member_id"], ["member.tenant_id", "member.id"], ondelete="CASCADE"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(index=True)
    name: Mapped[str] = mapped_column(String(LONGEST_TOKEN_NAME))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    scopes: Mapped[list[str]] = mapped_column(JSON)
    collections: Mapped[list[int] | None] = mapped_column(JSON(none_as_null=True))
    rooms: Mapped[list[int] | None] = mapped_column(JSON(none_as_null=True))
    origins: Mapped[list[str]] = mapped_column(JSON, default=list)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    ends_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    used_from: Mapped[str | None] = mapped_column(String(45))

    @property
    def works(self) -> bool:
        """Whether it has not ended."""
        return self.ends_at is None or self.ends_at > now()

    @property
    def grant(self) -> Grant:
        """What a program may do with it, of what its member may."""
        narrowed = {"collection": self.collections, "room": self.rooms}
        places = {kind: frozenset(ids) for kind, ids in narrowed.items() if ids is not None}
        return Grant(frozenset(self.scopes), MappingProxyType(places))


def in_base_62(number: int, length: int) -> str:
    """A number in base 62, with so many digits."""
    digits = ""
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits = BASE_62[digit] + digits
    return digits


def checksum_of(random: str) -> str:
    """The end of a token: a sum over its random part, by which one that was mistyped or cut off is known."""
    return in_base_62(zlib.crc32(random.encode()), SUM_LENGTH)


def make_secret() -> str:
    """A new token, as it is shown once."""
    random = in_base_62(int.from_bytes(secrets.token_bytes(32)), RANDOM_LENGTH)
    return f"{MARK}{random}{checksum_of(random)}"


def is_well_formed(text: str) -> bool:
    """Whether a text may be a token of ours: nothing else is looked for."""
    random = text[len(MARK) : -SUM_LENGTH]
    return (
        text.startswith(MARK)
        and len(text) == len(MARK) + RANDOM_LENGTH + SUM_LENGTH
        and text.isascii()
        and text[-SUM_LENGTH:] == checksum_of(random)
    )


def is_working() -> ColumnElement[bool]:
    """The criterion of tokens that have not ended."""
    return or_(Token.ends_at.is_(None), Token.ends_at > bindparam("moment", callable_=now, unique=True))


FIND_BY_SECRET = PreparedSelect(
    lambda: (
        select(Token, Member)
        .join(Member, (Member.id == Token.member_id) & (Member.tenant_id == Token.tenant_id))
        .where(Token.token_hash == bindparam("token_hash"), is_working(), *is_active())
    )
)
LIST_TOKENS = PreparedSelect(
    lambda: select(Token).where(Token.member_id == bindparam("member_id"), is_working()).order_by(Token.id.desc())
)
# Above the id of each.
EVERY_TOKEN = 2**62
LIST_EVERY_TOKEN = PreparedSelect(
    lambda: (
        select(Token, Member)
        .join(Member, (Member.id == Token.member_id) & (Member.tenant_id == Token.tenant_id))
        .where(Token.id < bindparam("before"), is_working())
        .order_by(Token.id.desc())
        .limit(bindparam("most"))
        .offset(bindparam("skipped"))
    )
)
FIND_TOKEN_BY_ID = PreparedSelect(
    lambda: (
        select(Token, Member)
        .join(Member, (Member.id == Token.member_id) & (Member.tenant_id == Token.tenant_id))
        .where(Token.id == bindparam("id"), is_working())
    )
)
LIST_EVERY_TOKEN_ID = PreparedSelect(lambda: select(Token.id).where(is_working()))
COUNT_EVERY_TOKEN = PreparedSelect(lambda: select(func.count(Token.id)).where(is_working()))
LIST_TOKEN_ORIGINS = PreparedSelect(lambda: select(Token.origins).where(is_working()))
END_TOKENS = PreparedChange(
    lambda: update(Token).where(Token.id.in_(bindparam("ids"))).values(ends_at=bindparam("ended", callable_=now))
)


class WantedToken(Struct, frozen=True):
    """What is said of a token before it is made."""

    name: str
    scopes: Sequence[str]
    collections: Sequence[int] | None = None
    rooms: Sequence[int] | None = None
    origins: Sequence[str] = ()
    ends_at: datetime | None = None


async def find_by_secret(transaction: Transaction, secret: str) -> tuple[Token, Member] | None:
    """The token that a program shows, with its member; None for one that is unknown or over, or whose member is kept
    out."""
    if not is_well_formed(secret):
        return None
    return await transaction.find(FIND_BY_SECRET, token_hash=digest(secret))


async def list_tokens(transaction: Transaction, member: Member) -> list[Token]:
    """The tokens of a member that have not ended, the newest first."""
    return await transaction.column(LIST_TOKENS, member_id=member.id)


async def page_every_token(transaction: Transaction, page: str, *, size: int) -> Paged[tuple[Token, Member]]:
    """The tokens of the workspace that have not ended, each with its member, the newest first."""
    count = await transaction.value(COUNT_EVERY_TOKEN) or 0
    number = place_of_page(page, count, size)
    rows = await transaction.rows(LIST_EVERY_TOKEN, before=EVERY_TOKEN, most=size, skipped=(number - 1) * size)
    return Paged(rows, count, number, size=size)


async def list_tokens_before(transaction: Transaction, before: int, most: int) -> Sequence[tuple[Token, Member]]:
    """Some of them, of lower ids than one."""
    return await transaction.rows(LIST_EVERY_TOKEN, before=before, most=most, skipped=0)


async def get_token(transaction: Transaction, token_id: int, member: Member | None = None) -> tuple[Token, Member]:
    """A token of a member's, or of anybody's (None), that has not ended, with its member. Raises Gone."""
    found = await transaction.find(FIND_TOKEN_BY_ID, id=token_id)
    if found is None or (member is not None and found[1].id != member.id):
        raise Gone(_l("This token has already been revoked."))
    return found


async def list_every_token_id(transaction: Transaction) -> list[int]:
    """The ids of the tokens of the workspace that have not ended."""
    return await transaction.column(LIST_EVERY_TOKEN_ID)


async def make_program_token(transaction: Transaction, member: Member, wanted: WantedToken) -> tuple[Token, str]:
    """Make a token, and say what its program shows: nobody can read it again. Raises Invalid."""
    if not set(wanted.scopes) <= SCOPES.keys() or not wanted.scopes:
        raise Invalid(scopes=_l("Choose what the program may do."))
    if wanted.ends_at is not None and wanted.ends_at <= now():
        raise Invalid(ends=_l("This date has passed. Choose a later one."))
    if len(await list_tokens(transaction, member)) >= MOST_TOKENS:
        raise Invalid(name=_l("At most %(limit)d tokens. Revoke one you no longer need.", limit=MOST_TOKENS))
    secret = make_secret()
    token = Token(
        member_id=member.id,
        name=wanted.name,
        token_hash=digest(secret),
        scopes=[scope for scope in SCOPES if scope in wanted.scopes],
        collections=None if wanted.collections is None else sorted(wanted.collections),
        rooms=None if wanted.rooms is None else sorted(wanted.rooms),
        origins=sorted(wanted.origins),
        ends_at=wanted.ends_at,
    )
    await transaction.insert(token)
    by, email = transaction.actor, member.email or member.name
    transaction.note(TokenMade(by=by, member_id=member.id, email=email, token=token.name, scopes=tuple(token.scopes)))
    return token, secret


async def silence_tokens_of(transaction: Transaction, member: Member) -> tuple[int, ...]:
    """The ids of a member's tokens, who is kept out; of one whose account is gone, they have ended. Who calls this
    notes it."""
    ids = tuple(token.id for token in await list_tokens(transaction, member))
    if ids and member.removed_at is not None:
        await transaction.apply(END_TOKENS, ids=ids)
    return ids


async def end_token(transaction: Transaction, token: Token, member: Member) -> None:
    """End a token of a member's: its streams end and its locks are free. Nothing happens to one that has ended."""
    if not token.works:
        return
    await transaction.apply(END_TOKENS, ids=[token.id])
    by, email = transaction.actor, member.email or member.name
    transaction.note(TokenEnded(by=by, member_id=member.id, email=email, token=token.name))
    transaction.note(TokensEnded(by=by, token_ids=(token.id,), reason="ended"))


LIST_USED_TOKENS = PreparedSelect(
    lambda: (
        select(Token, Member.email, Member.name)
        .join(Member, (Member.id == Token.member_id) & (Member.tenant_id == Token.tenant_id))
        .where(Token.id.in_(bindparam("ids")))
        .order_by(Token.id)
    )
)
NOTE_USE = PreparedChange(
    lambda: (
        update(Token)
        .where(Token.id == bindparam("token"))
        .values(used_at=bindparam("moment", callable_=now), used_from=bindparam("address"))
    )
)


async def note_uses(transaction: Transaction, used: Mapping[int, str]) -> None:
    """Write down that tokens were used, each from an address; of the first time the audit log tells."""
    for token, email, name in await transaction.rows(LIST_USED_TOKENS, ids=list(used)):
        address = used[token.id]
        await transaction.apply(NOTE_USE, token=token.id, address=address)
        if token.used_at is None:
            by = Actor("token", member_id=token.member_id, address=address, token_id=token.id, program=token.name)
            told = TokenFirstUsed(by=by, member_id=token.member_id, email=email or name, token=token.name)
            transaction.note(told)


@sweeps(Token)
async def delete_ended_tokens(transaction: Transaction, limit: int) -> int:
    """Delete tokens that ended long ago."""
    return await delete_by_keys(transaction, Token, Token.ends_at <= now() - ENDED_IS_KEPT_FOR, limit=limit)
