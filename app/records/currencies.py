"""The currency that a new field for money begins with."""

from __future__ import annotations

from babel.numbers import get_territory_currencies
from sqlalchemy import select

from app.database import PreparedSelect, Transaction
from app.records.fields import Field
from app.web.forms import Form

FIND_LAST_MONEY = PreparedSelect(
    lambda: select(Field.options).where(Field.kind_name == "money").order_by(Field.id.desc()).limit(1)
)


async def suggest_currency(transaction: Transaction, form: Form) -> None:
    """Let a form that says no currency have the one that was used last in the workspace; where there was none, that of
    the country whose formats it has, if these are of one."""
    if "currency" in form:
        return
    last = await transaction.value(FIND_LAST_MONEY)
    territory = transaction.tenant.formats.territory
    usual = get_territory_currencies(territory) if territory else []
    form.values["currency"] = [str(last["currency"]) if last and "currency" in last else next(iter(usual), "")]
