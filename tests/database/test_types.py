"""Types of columns, and indexes of some rows."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, MetaData, Table, text
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


def test_any_other_index_is_as_it_was_written() -> None:
    columns = Column("id", Integer), Column("eaten", Integer)
    on_sqlite = Index("ix_cake_eaten", "id", sqlite_where=text("eaten > 0"))
    differing = Index("ix_cake_half", "id", sqlite_where=text("eaten = 1"), postgresql_where=text("eaten = 2"))
    Table("cake", MetaData(), *columns, on_sqlite, differing)
    made = [str(CreateIndex(each).compile(dialect=postgresql.dialect())) for each in (on_sqlite, differing)]
    assert made == [
        "CREATE INDEX ix_cake_eaten ON cake (id)",
        "CREATE INDEX ix_cake_half ON cake (id) WHERE eaten = 2",
    ]
    assert str(CreateIndex(differing).compile(dialect=sqlite.dialect())).endswith("WHERE eaten = 1")
