"""Operators: accounts on the central host, apart from the members of workspaces."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String, bindparam, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, PreparedSelect, Transaction, UtcDateTime, now
from app.operators.sessions import OperatorSession
from app.web.forms import Invalid
from app.web.mail_addresses import account_address
from app.web.texts import _l


class Operator(Base):
    """Somebody who runs the installation."""

    __tablename__ = "operator"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    password_hash: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


FIND_OPERATOR = PreparedSelect(lambda: select(Operator).where(Operator.email == bindparam("email")))


async def find_operator(transaction: Transaction, email: str) -> Operator | None:
    """The operator with an e-mail address, whatever its case and the form of its domain."""
    found = await transaction.find(FIND_OPERATOR, email=account_address(email))
    return found and found[0]


async def add_operator(transaction: Transaction, *, email: str, password_hash: str) -> Operator:
    """Give somebody an operator's account.

    Raises Invalid when the address has one already.
    """
    if await find_operator(transaction, email):
        raise Invalid(email=_l("Someone with this address is already an operator."))
    operator = Operator(email=account_address(email), password_hash=password_hash)
    transaction.add(operator)
    await transaction.flush()
    return operator


async def set_operator_password(transaction: Transaction, operator: Operator, password_hash: str) -> None:
    """Change the password, and end every session there was."""
    operator.password_hash = password_hash
    await transaction.execute(delete(OperatorSession).where(OperatorSession.operator_id == operator.id))


async def remove_operator(transaction: Transaction, operator: Operator) -> None:
    """Take the account and its sessions away. The log keeps the address."""
    await transaction.execute(delete(OperatorSession).where(OperatorSession.operator_id == operator.id))
    await transaction.delete(operator)
