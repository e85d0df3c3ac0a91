"""The selects of rows by their keys, made once for each model; and of workspaces, by their ids and slugs."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import class_mapper

from app.database import postgresql
from app.database.fast.queries import PreparedSelect
from app.database.tenancy import Tenant


@cache
def select_tenant(name: Literal["id", "slug"], *, locks: bool, behind_wall: bool) -> PreparedSelect[*tuple[Any, ...]]:
    """The select of a workspace by its id or slug. Where the database has a wall of its own, it tells that, too, whose
    rows the transaction may see from here on."""

    def make() -> Select[*tuple[Any, ...]]:
        found: Any = select(Tenant).where(getattr(Tenant, name) == bindparam("value"))
        if behind_wall:
            found = found.add_columns(postgresql.telling(Tenant.id))
        if locks:
            found = found.with_for_update(key_share=True)
        selected: Select[*tuple[Any, ...]] = found
        return selected

    return PreparedSelect(make)


@cache
def select_by_key(model: Any) -> PreparedSelect[Any]:
    """The select of a model's row by its primary key, whose columns are the parameters."""
    return PreparedSelect(
        lambda: select(model).where(*(column == bindparam(column.key) for column in class_mapper(model).primary_key))
    )


@cache
def select_by_ids(model: Any) -> PreparedSelect[Any]:
    """The select of a model's rows by their ids."""
    return PreparedSelect(lambda: select(model).where(model.id.in_(bindparam("ids"))))
