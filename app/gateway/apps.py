"""Apps: what a front end or a server of somebody's connects to the gateway with, and the bot that acts for it.

An app's key says which workspace it is of, so that it can be looked for there, behind the wall between workspaces: who
connects to the central host shows nothing else.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from sqlalchemy import JSON, ForeignKeyConstraint, LargeBinary, String, UniqueConstraint, bindparam, select
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.members import Member, is_active
from app.accounts.program_tokens import LONGEST_TOKEN_NAME, WantedToken, list_tokens, make_program_token
from app.accounts.rights import require
from app.database import Base, PreparedSelect, Tenanted, Transaction, UtcDateTime, now
from app.gateway.app_turns import send_waiting_anew
from app.gateway.facts import AppChanged, AppEnded, AppMade, AppSecretDropped, AppSecretMade
from app.gateway.secrets import AppSecrets, make_seed, secret_of
from app.tenants.members import acting, check_role, end_account
from app.tenants.roles import ROLES
from app.web.errors import Gone
from app.web.forms import Form, Invalid
from app.web.outgoing_addresses import LONGEST_ADDRESS
from app.web.texts import _l

MOST_APPS = 200
MOST_APP_ORIGINS = 20
APP_KEY = re.compile(r"([0-9a-f]{1,15})g([0-9a-f]{20})")
# An origin, or a host with any scheme and port, as Reverb has them; * stands for any part, or for all.
ORIGIN_PATTERN = re.compile(r"\*|(?:https?://)?(?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)*(?::(?:[0-9]{1,5}|\*))?")
# A bot owns nothing: a workspace belongs to people.
BOT_ROLES = [role for role in ROLES if role != "owner"]


class GatewayApp(Tenanted, Base):
    """An app: the key that its clients connect with, and of its secret what is stored (`secrets.py`).

    `member_id` is its bot, whose name is the app's. Pages of `origins` may connect. Its clients may send events to each
    other where `client_events` says so. Its server is told of things of `hook_kinds` at `hook_address`, if it has one
    (`app_webhooks.py`). One that has ended keeps its row, so that its id means nothing else.
    """

    __tablename__ = "gateway_app"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        ForeignKeyConstraint(["tenant_id", "member_id"], ["member.tenant_id", "member.id"], ondelete="CASCADE"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(index=True)
    maker_id: Mapped[int | None]
    key: Mapped[str] = mapped_column(String(40), unique=True)
    seed: Mapped[bytes] = mapped_column(LargeBinary(16))
    old_seed: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    origins: Mapped[list[str]] = mapped_column(JSON, default=list)
    client_events: Mapped[bool] = mapped_column(default=True)
    hook_address: Mapped[str] = mapped_column(String(LONGEST_ADDRESS), default="", server_default="")
    hook_kinds: Mapped[list[str]] = mapped_column(JSON, default=list, server_default="[]")
    made_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    def secrets(self, secret_key: str) -> AppSecrets:
        """Its secrets, the newest first."""
        seeds = (self.seed,) if self.old_seed is None else (self.seed, self.old_seed)
        return AppSecrets(tuple(secret_of(secret_key, seed) for seed in seeds))


class WantedApp(Struct, frozen=True):
    """What is said of an app before it is made."""

    name: str
    role: str = "member"
    origins: Sequence[str] = ()
    client_events: bool = True


LIST_APPS = PreparedSelect(
    lambda: (
        select(GatewayApp, Member)
        .join(Member, (Member.id == GatewayApp.member_id) & (Member.tenant_id == GatewayApp.tenant_id))
        .where(GatewayApp.ended_at.is_(None), Member.removed_at.is_(None))
        .order_by(GatewayApp.id.desc())
    )
)
FIND_APP_BY_KEY = PreparedSelect(
    lambda: (
        select(GatewayApp, Member)
        .join(Member, (Member.id == GatewayApp.member_id) & (Member.tenant_id == GatewayApp.tenant_id))
        .where(GatewayApp.key == bindparam("key"), GatewayApp.ended_at.is_(None), *is_active())
    )
)
LIST_APP_ORIGINS = PreparedSelect(lambda: select(GatewayApp.origins).where(GatewayApp.ended_at.is_(None)))


def make_app_key(tenant_id: int) -> str:
    """A new key of a workspace."""
    return f"{tenant_id:x}g{secrets.token_hex(10)}"


def workspace_of_key(key: str) -> int:
    """The id of the workspace that a key is of; 0 for what is none."""
    found = APP_KEY.fullmatch(key)
    return int(found[1], 16) if found else 0


async def find_app(transaction: Transaction, key: str) -> tuple[GatewayApp, Member] | None:
    """The app of a key in the transaction's workspace, with its bot; None where it has ended, or is kept out."""
    return await transaction.find(FIND_APP_BY_KEY, key=key)


async def list_apps(transaction: Transaction) -> list[tuple[GatewayApp, Member]]:
    """The apps of the workspace, each with its bot, the newest first."""
    return list(await transaction.rows(LIST_APPS))


async def get_app(transaction: Transaction, app_id: int) -> tuple[GatewayApp, Member]:
    """An app of the workspace. Raises Gone."""
    found = next((each for each in await list_apps(transaction) if each[0].id == app_id), None)
    if found is None:
        raise Gone(_l("This app has already been deleted."))
    return found


def read_origins(form: Form) -> list[str]:
    """The origins that a form names; of a wrong one it says so."""
    origins = list(dict.fromkeys(each.lower().rstrip("/") for each in form["origins"].replace(",", " ").split()))
    if len(origins) > MOST_APP_ORIGINS or not all(ORIGIN_PATTERN.fullmatch(each) for each in origins):
        form.errors["origins"] = _l(
            "Enter up to %(limit)d, such as https://example.org or *.example.org.", limit=MOST_APP_ORIGINS
        )
    return origins


def read_wanted_app(form: Form) -> WantedApp:
    """What a form says of a new app. Raises Invalid."""
    name, origins = form.name("name"), read_origins(form)
    form.check()
    return WantedApp(name, form["role"] or "member", origins, form["client_events"] == "yes")


async def make_app(transaction: Transaction, actor: Member | None, wanted: WantedApp) -> tuple[GatewayApp, Member]:
    """Make an app and its bot, whose role is none above the maker's. Raises Invalid, and a 403 page."""
    require(actor, "manage", "apps")
    role = check_role(actor, wanted.role)
    if role not in BOT_ROLES:
        raise Invalid(role=_l("A bot can't be an owner. Choose another role."))
    if len(await list_apps(transaction)) >= MOST_APPS:
        raise Invalid(name=_l("At most %(limit)d apps. Delete one you no longer need.", limit=MOST_APPS))
    bot = Member(email=None, name=wanted.name, role=role, password_hash="", bot=True)
    await transaction.insert(bot)
    app = GatewayApp(
        member_id=bot.id,
        maker_id=actor.id if actor else None,
        key=make_app_key(transaction.tenant.id),
        seed=make_seed(),
        origins=list(wanted.origins),
        client_events=wanted.client_events,
    )
    await transaction.insert(app)
    transaction.tenant.pictures += 1
    by = acting(transaction, actor)
    transaction.note(AppMade(by=by, app_id=app.id, name=bot.name, bot_id=bot.id))
    return app, bot


async def make_bot_token(transaction: Transaction, app: GatewayApp, bot: Member, scopes: Sequence[str]) -> str:
    """A token of an app's bot, with which the app's pages may call. Raises Invalid."""
    wanted = WantedToken(bot.name[:LONGEST_TOKEN_NAME], scopes, origins=app.origins)
    return (await make_program_token(transaction, bot, wanted))[1]


async def change_app(
    transaction: Transaction, actor: Member | None, app: GatewayApp, bot: Member, wanted: WantedApp
) -> None:
    """Let other pages connect for an app and call with its bot's tokens, or let its clients send events to each other,
    or not."""
    require(actor, "manage", "apps")
    app.origins, app.client_events = list(wanted.origins), wanted.client_events
    for token in await list_tokens(transaction, bot):
        token.origins = sorted(wanted.origins)
    transaction.note(AppChanged(by=acting(transaction, actor), app_id=app.id, name=bot.name, bot_id=bot.id))


async def make_app_secret(transaction: Transaction, actor: Member | None, app: GatewayApp, bot: Member) -> None:
    """Give an app another secret. The one before is good until it is dropped; another that is made meanwhile takes the
    place of the newer one, so that what servers sign with goes on however often this is done."""
    require(actor, "manage", "apps")
    app.seed, app.old_seed = make_seed(), app.old_seed or app.seed
    await send_waiting_anew(transaction, app.id)
    transaction.note(AppSecretMade(by=acting(transaction, actor), app_id=app.id, name=bot.name, bot_id=bot.id))


async def drop_old_secret(transaction: Transaction, actor: Member | None, app: GatewayApp, bot: Member) -> None:
    """Let the secret before be good for nothing any more."""
    require(actor, "manage", "apps")
    if app.old_seed is not None:
        app.old_seed = None
        transaction.note(AppSecretDropped(by=acting(transaction, actor), app_id=app.id, name=bot.name, bot_id=bot.id))


async def end_app(transaction: Transaction, actor: Member | None, app: GatewayApp, bot: Member) -> None:
    """End an app: its clients are cut off, its bot is no member any more, and the bot's tokens end."""
    require(actor, "manage", "apps")
    app.ended_at = now()
    transaction.note(AppEnded(by=acting(transaction, actor), app_id=app.id, name=bot.name, bot_id=bot.id))
    await end_account(transaction, bot, actor, "removed")
