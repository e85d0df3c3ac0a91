"""Types of columns, and indexes of some rows."""

from __future__ import annotations

from sqlalchemy import Column, Integer, MetaData, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex

from app.database import partial_index


def test_an_index_of_some_rows_is_of_the_same_on_both_databases() -> None:
    index = partial_index("ix_cake_left", "id", where="eaten IS NULL")
    Table("cake", MetaData(), Column("id", Integer), Column("eaten", Integer), index)
    for dialect in (sqlite.dialect(), postgresql.dialect()):
        assert str(CreateIndex(index).compile(dialect=dialect)) == (
            "CREATE INDEX ix_cake_left ON cake (id) WHERE eaten IS NULL"
        )
