"""Links that somebody was mailed: looked at before anything is done for whoever brings one."""

from __future__ import annotations

from app.accounts.access import AnyRequest, client_address, enter_workspace
from app.accounts.passwords import GuessingLimit
from app.accounts.tokens import Purpose, find_token
from app.database import Database, Tenant


async def check_link(
    request: AnyRequest, database: Database, guessing: GuessingLimit, token: str, purpose: Purpose
) -> tuple[Tenant, bool]:
    """The workspace of the host, and whether a link works there.

    One that does not is counted, and costs neither a hash nor a turn of the writer. Raises TooManyTries.
    """
    async with database.read() as transaction:
        tenant = await enter_workspace(transaction, request.scope["state"]["slug"])
        request.scope["state"]["language"] = tenant.language
        member = await find_token(transaction, token, purpose)
    if member is None:
        await guessing.count(f"{tenant.id}:link", client_address(request))
    return tenant, member is not None
