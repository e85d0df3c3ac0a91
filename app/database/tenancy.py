"""The first wall between tenants: a session sees and writes the rows of its tenant alone.

SQLAlchemy's `with_loader_criteria` covers selects, joins, counts and updates with criteria, but not statements in
plain SQL, inserts, updates by primary key, or objects added by hand. `confine` and the events below refuse or check
each of these; tests/database/test_tenancy.py tries them one by one. The second wall is in the database itself:
composite foreign keys `(tenant_id, id)`, and on PostgreSQL row-level security (postgresql.py).
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, ClassVar

from babel import Locale
from sqlalchemy import BigInteger, Column, Connection, ForeignKey, MetaData, String, event
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    ORMExecuteState,
    QueryContext,
    Session,
    UOWTransaction,
    declared_attr,
    mapped_column,
    object_session,
    with_loader_criteria,
)
from sqlalchemy.orm.context import FromStatement
from sqlalchemy.sql import Select, Subquery, operators, visitors
from sqlalchemy.sql.elements import BinaryExpression, BindParameter, ColumnClause, TextClause
from sqlalchemy.sql.schema import Table

from app.database import postgresql
from app.database.types import WHOLE_NUMBER, UtcDateTime, now


class TenantScopeError(Exception):
    """A statement or object reached beyond the session's tenant, or the session has none."""


# The columns of tenants' tables that a counting transaction may name: whose a row is, when and how large. None of
# them is anything that somebody in a workspace has written. A new one is a decision about privacy.
COUNTABLE = frozenset(
    """
    id tenant_id size created_at removed_at deleted_at bot
    lock_member_id lock_until kind row_id until asked_at kept unanswered
    """.split()  # noqa: SIM905  (easier to read and to add to)
)

# What it may compare with a value that it was given, and name in no other way: it learns of whom it knows already, and
# reads nothing that somebody has written.
COMPARABLE = frozenset({("member", "email")})


class Base(DeclarativeBase):
    """Base of all models.

    Rows of a model that is `guarded` are changed only by statements that check what they rely on, and by no other.
    No id that a database gives is given twice: pages that are open, addresses and rows that refer to one which was
    deleted would mean another. PostgreSQL's sequences never do; SQLite has to be told to count.
    """

    guarded: ClassVar[bool] = False

    type_annotation_map = {int: WHOLE_NUMBER}  # noqa: RUF012  (read by SQLAlchemy once)
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
        }
    )

    def __init_subclass__(cls, **options: Any) -> None:
        """Map the model."""
        super().__init_subclass__(**options)
        table = cls.__dict__.get("__table__")
        if isinstance(table, Table) and table.autoincrement_column is not None:
            table.dialect_options["sqlite"]["autoincrement"] = True


# What a workspace may be called in its address.
SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{1,38})[a-z0-9]")


@cache
def read_locale(tag: str) -> Locale:
    """A locale by its name, such as `pt_BR`."""
    return Locale.parse(tag)


class Tenant(Base):
    """A workspace. `cursor` counts its logged events, without a gap, and did so last some seconds after `logged_at` at
    most; `pictures` counts the changes of its members' pictures and of its color.

    A session lasts `session_days`; `logo` is the key of a picture. `mail_confirmed_at` is None while nobody has shown
    that the address its owner signed up with can be read by its owner.
    """

    __tablename__ = "tenant"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    language: Mapped[str] = mapped_column(String(10), default="en")
    # In which numbers and dates are written; empty for what is usual where the language is spoken.
    locale: Mapped[str] = mapped_column(String(20), default="", server_default="")
    # The name of a color (web/colors.py).
    color: Mapped[str] = mapped_column(String(10), default="green", server_default="green")
    cursor: Mapped[int] = mapped_column(BigInteger, default=0)
    logged_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None, index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    suspended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    logo: Mapped[str | None] = mapped_column(String(32))
    pictures: Mapped[int] = mapped_column(default=0)
    session_days: Mapped[int] = mapped_column(default=30)
    suspended_why: Mapped[str] = mapped_column(String(200), default="", server_default="")
    mail_confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    @property
    def formats(self) -> Locale:
        """The locale in which the workspace writes numbers and dates."""
        return read_locale(self.locale or self.language)


class Tenanted:
    """Mixin of every model whose rows belong to one tenant."""

    @declared_attr
    def tenant_id(cls) -> Mapped[int]:
        """The tenant that owns the row; set by the session when left out."""
        return mapped_column(ForeignKey("tenant.id", ondelete="CASCADE"), index=False)


class TenantSession(Session):
    """A session of one tenant, or of none: then it reaches only the tables that belong to no tenant."""

    @property
    def tenant_id(self) -> int | None:
        """The tenant whose rows this session may touch."""
        return self.info.get("tenant_id")

    def enter(self, tenant_id: int) -> None:
        """Confine this session to one tenant, for good."""
        if self.tenant_id not in (None, tenant_id):
            raise TenantScopeError("a session stays with its tenant")
        if self.info.get("counting"):
            raise TenantScopeError("a session that counts belongs to no tenant")
        self.info["tenant_id"] = tenant_id

    def tell_database(self) -> Connection:
        """The connection, whose database knows what this session may see, where it has row-level security."""
        rls_set = self.info.get("rls_set")
        if rls_set is not None and rls_set[0] is self.get_transaction():
            connection: Connection = rls_set[1]
            return connection
        connection = self.connection()
        counting = self.info.get("counting")
        if self.tenant_id is None and not counting:
            return connection
        if connection.dialect.name == "postgresql":
            if self.tenant_id is None:
                postgresql.start_counting(connection)
            elif self.info.get("rls_tenant") != (self.get_transaction(), self.tenant_id):
                postgresql.enter_tenant(connection, self.tenant_id)
        self.info["rls_set"] = (self.get_transaction(), connection)
        return connection

    def note_rls_tenant(self, tenant_id: int) -> None:
        """Note that the database knows already which tenant's rows this transaction may see."""
        self.info["rls_tenant"] = (self.get_transaction(), tenant_id)

    def count(self) -> None:
        """Open the one door in the wall, for good: this session reads numbers of all tenants, and nothing else.

        Its statements are selects that name no column of a tenant's table but COUNTABLE ones, and COMPARABLE ones where
        they are compared with a value; and it writes nothing.
        """
        if self.tenant_id is not None:
            raise TenantScopeError("a session stays with its tenant")
        self.info["counting"] = True


@lru_cache(maxsize=1000)
def criteria_of(tenant_id: int) -> tuple[Any, ...]:
    """What confines a statement to a tenant. Kept, as every statement needs it."""
    return (
        with_loader_criteria(Tenanted, lambda model: model.tenant_id == tenant_id, include_aliases=True),
        with_loader_criteria(Tenant, lambda model: model.id == tenant_id, include_aliases=True),
    )


def find_tenanted(statement: Any) -> str:
    """The first table of tenants that a statement names, '' if there is none."""
    for element in visitors.iterate(statement):
        if isinstance(element, Table) and "tenant_id" in element.c:
            return element.name
    return ""


@event.listens_for(TenantSession, "do_orm_execute")
def confine(state: ORMExecuteState) -> None:
    """Add the tenant to each statement, and refuse those to which it can't be added."""
    if isinstance(state.session, TenantSession):
        state.session.tell_database()
    statement: Any = state.statement
    if not state.is_orm_statement or isinstance(statement, FromStatement):
        raise TenantScopeError("plain SQL can't be confined to a tenant: use the ORM")
    if state.is_insert:
        raise TenantScopeError("an insert can't be confined to a tenant: add objects to the session")
    if (state.is_update or state.is_delete) and state.parameters:
        raise TenantScopeError("an update by primary key can't be confined to a tenant: use criteria")
    if state.is_update or state.is_delete:
        # Objects that are at hand are not told: nothing reads them again after a statement that changes their rows.
        state.update_execution_options(synchronize_session=False)
    if state.session.info.get("counting"):
        check_counting(statement)
        return
    tenant_id = state.session.info.get("tenant_id")
    if tenant_id is None:
        if name := find_tenanted(statement):
            raise TenantScopeError(f"{name} belongs to tenants, and this session has none")
        return
    state.statement = statement.options(*criteria_of(tenant_id))


def check_counting(statement: Any) -> None:
    """Raise TenantScopeError for a statement that does more than count."""
    if not statement.is_select:
        raise TenantScopeError("a session that counts writes nothing")
    named_at: Counter[tuple[str, str]] = Counter()
    compared: Counter[tuple[str, str]] = Counter()
    for element in visitors.iterate(statement):
        if isinstance(element, TextClause):
            raise TenantScopeError("plain SQL is nothing to count")
        if isinstance(element, BinaryExpression) and is_comparison(element) and isinstance(element.left, Column):
            compared[element.left.table.name, element.left.name] += 1
        named: list[Any] = [element]
        if isinstance(element, Select):
            named += element.selected_columns
        for column in named:
            # What a subquery gives out is judged where the subquery names it.
            if not isinstance(column, ColumnClause) or isinstance(column.table, Subquery):
                continue
            if not isinstance(column, Column):
                raise TenantScopeError("plain SQL is nothing to count")
            if column.table is not None and "tenant_id" in column.table.c and column.name not in COUNTABLE:
                named_at[column.table.name, column.name] += 1
    for (table, name), times in named_at.items():
        if (table, name) not in COMPARABLE or times > compared[table, name]:
            raise TenantScopeError(f"{table}.{name} is nothing to count")


def is_comparison(element: BinaryExpression[Any]) -> bool:
    """Whether a part of a statement asks whether something is a value that is given."""
    return element.operator is operators.eq and isinstance(element.right, BindParameter)


@event.listens_for(TenantSession, "before_flush")
def check_flush(session: Session, context: UOWTransaction, instances: Any) -> None:
    """Give new rows their tenant, and refuse to write another's."""
    if session.info.get("counting"):
        raise TenantScopeError("a session that counts writes nothing")
    if isinstance(session, TenantSession):
        session.tell_database()
    tenant_id = session.info.get("tenant_id")
    for instance in session.new:
        if isinstance(instance, Tenanted) and instance.__dict__.get("tenant_id") is None:
            instance.tenant_id = tenant_id
    for instance in (*session.new, *session.dirty, *session.deleted):
        check_instance(instance, tenant_id)


@event.listens_for(Tenanted, "load", propagate=True)
def check_load(instance: Any, context: QueryContext) -> None:
    """Refuse a row of another tenant that came through a hole."""
    check_instance(instance, context.session.info.get("tenant_id"))


@event.listens_for(Tenanted, "refresh", propagate=True)
def check_refresh(instance: Any, context: QueryContext | None, attributes: Any) -> None:
    """Refuse a refreshed row of another tenant. There is no context where an UPDATE tells objects what it has done."""
    session = context.session if context is not None else object_session(instance)
    check_instance(instance, session.info.get("tenant_id") if session is not None else None)


def check_instance(instance: object, tenant_id: int | None) -> None:
    """Raise TenantScopeError unless the object belongs to this tenant, or to none."""
    if not isinstance(instance, Tenanted):
        return
    owner = instance.__dict__.get("tenant_id", tenant_id)
    if tenant_id is None or owner != tenant_id:
        raise TenantScopeError(f"{type(instance).__name__} of tenant {owner} in a session of tenant {tenant_id}")
