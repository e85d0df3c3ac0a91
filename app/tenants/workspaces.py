"""Workspaces: made at sign-up, renamed by their admins, suspended by whoever runs the installation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from sqlalchemy import bindparam, select
from sqlalchemy.exc import IntegrityError

from app.accounts.members import Member, add_member
from app.accounts.rights import require
from app.accounts.sessions import LIST_EVERY_SESSION, LIST_STARTED_BEFORE, lifetime
from app.database import PreparedSelect, Tenant, Transaction, now
from app.database.tenancy import SLUG
from app.live.cutoff import end_every_session, end_sessions
from app.tenants.facts import SettingChanged, WorkspaceRestored, WorkspaceSuspended
from app.tenants.locales import LOCALES
from app.web.colors import WORKSPACE_COLORS
from app.web.forms import Invalid
from app.web.texts import LANGUAGES, _l

RESERVED = frozenset(
    """
    admin api app assets autodiscover blog cdn central chat demo dev docs
    email ftp help hero host imap internal live local localhost login mail
    mta-sts news ns ns1 ns2 operator pop root security signup smtp static
    status support system test webmail workspace ws www
    """.split()  # noqa: SIM905  (easier to read and to add to)
)

# How many days a session may last.
SESSION_LENGTHS = {1: _l("1 day"), 7: _l("1 week"), 30: _l("30 days"), 90: _l("90 days")}

# What a new workspace comes with: features append a function, such as the ready collection of books.
FURNISHERS: list[Callable[[Transaction, Member], Awaitable[None]]] = []


def furnisher(
    furnish: Callable[[Transaction, Member], Awaitable[None]],
) -> Callable[[Transaction, Member], Awaitable[None]]:
    """Register a function that puts something into every new workspace."""
    FURNISHERS.append(furnish)
    return furnish


def check_slug(slug: str) -> None:
    """Raise Invalid with the reason unless a workspace can have this address."""
    if not 3 <= len(slug) <= 40:
        raise Invalid(slug=_l("Between 3 and 40 characters."))
    if not SLUG.fullmatch(slug) or "--" in slug:
        raise Invalid(slug=_l("Only lowercase letters, numbers and single hyphens between them."))
    if slug in RESERVED:
        raise Invalid(slug=_l("This address is reserved. Choose another one."))


FIND_TAKEN = PreparedSelect(lambda: select(Tenant.id).where(Tenant.slug == bindparam("slug")))


async def check_free(transaction: Transaction, slug: str) -> None:
    """Raise Invalid when a workspace has this address."""
    if await transaction.value(FIND_TAKEN, slug=slug):
        raise Invalid(slug=_l("This address is taken. Choose another one."))


async def create_workspace(
    transaction: Transaction,
    *,
    slug: str,
    name: str,
    language: str,
    owner: str,
    email: str,
    password_hash: str,
    time_zone: str = "",
    mail_confirmed: bool = True,
) -> Member:
    """Make a workspace with its owner, confine the transaction to it, and return the owner.

    Unless `mail_confirmed`, the owner has to confirm the address before anybody is invited by mail.

    Raises Invalid when the address is taken or can't be one.
    """
    check_slug(slug)
    await check_free(transaction, slug)
    tenant = Tenant(
        slug=slug,
        name=name,
        language=language if language in LANGUAGES else "en",
        cursor=0,
        mail_confirmed_at=now() if mail_confirmed else None,
    )
    transaction.add(tenant)
    try:
        await transaction.flush()
    except IntegrityError as error:  # somebody else has just taken it
        raise Invalid(slug=_l("This address is taken. Choose another one.")) from error
    transaction.enter(tenant)
    member = await add_member(
        transaction,
        email=email,
        name=owner,
        role="owner",
        password_hash=password_hash,
        time_zone=time_zone,
        founding=True,
    )
    for furnish in FURNISHERS:
        await furnish(transaction, member)
    return member


async def change_settings(
    transaction: Transaction, actor: Member, *, name: str, language: str, locale: str, color: str, session_days: int
) -> None:
    """Rename a workspace, choose its language, how numbers and dates are written ('' for as usual in the language), its
    color, and how many days a session lasts, those that run included.

    Raises Invalid for a language that the program does not speak, and for what else is not offered.
    """
    require(actor, "change", "settings")
    tenant = transaction.tenant
    if language not in LANGUAGES:
        raise Invalid(language=_l("Choose one of the languages."))
    if locale and locale not in LOCALES:
        raise Invalid(locale=_l("Choose one of these."))
    if color not in WORKSPACE_COLORS:
        raise Invalid(color=_l("Choose one of these."))
    if session_days not in SESSION_LENGTHS:
        raise Invalid(session_days=_l("Choose one of these."))
    wanted = {"name": name, "language": language, "locale": locale, "color": color, "session_days": session_days}
    for setting, value in wanted.items():
        before = getattr(tenant, setting)
        if before != value:
            setattr(tenant, setting, value)
            by = transaction.acting(actor.id)
            transaction.note(SettingChanged(by=by, setting=setting, before=str(before), after=str(value)))
            if setting == "color":
                tenant.pictures += 1  # the style sheet of pictures has it, too
            if setting == "session_days":
                await change_lifetime(transaction)


async def change_lifetime(transaction: Transaction) -> None:
    """Let running sessions end when they would have if the length had been so from the start."""
    length = lifetime(transaction.tenant)
    for session in await transaction.column(LIST_EVERY_SESSION):
        session.expires_at = session.started_at + length
    over = await transaction.column(LIST_STARTED_BEFORE, moment=now() - length)
    await end_sessions(transaction, over, reason="expired")


async def suspend_workspace(transaction: Transaction, *, reason: str = "") -> bool:
    """Close a workspace to everybody, at once; its pages say the reason. Nothing in it is lost.

    False when it was suspended already: then nothing changes.
    """
    tenant = transaction.tenant
    if tenant.suspended_at is not None:
        return False
    tenant.suspended_at = now()
    tenant.suspended_why = reason
    transaction.note(WorkspaceSuspended(by=transaction.actor, slug=tenant.slug, reason=reason))
    await end_every_session(transaction, reason="suspended")
    return True


async def restore_workspace(transaction: Transaction) -> bool:
    """Open a suspended workspace again. False when it was open."""
    tenant = transaction.tenant
    if tenant.suspended_at is None:
        return False
    tenant.suspended_at = None
    tenant.suspended_why = ""
    transaction.note(WorkspaceRestored(by=transaction.actor, slug=tenant.slug))
    return True
