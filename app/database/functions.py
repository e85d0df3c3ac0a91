"""Functions that databases know by different names."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Integer, String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction


class find_text(GenericFunction[int]):
    """Where in a text another begins, from 1; 0 when it is not there: `find_text(Record.search, "machado") > 0`."""

    type = Integer()
    inherit_cache = True
    name = "instr"


@compiles(find_text, "postgresql")
def compile_for_postgresql(element: find_text, compiler: Any, **options: Any) -> str:
    """PostgreSQL's name for it."""
    return f"strpos({compiler.process(element.clauses, **options)})"


class rows_as_json(GenericFunction[str]):
    """All rows of a group as one text, a list of lists in JSON, in no order: `rows_as_json(Room.id, Room.name)`.

    Hundreds of rows with some columns each cost more as objects of a driver than to find. A moment is a text in it, as
    the database writes it.
    """

    type = String()
    inherit_cache = True


@compiles(rows_as_json, "sqlite")
def compile_rows_for_sqlite(element: rows_as_json, compiler: Any, **options: Any) -> str:
    """SQLite's words for it."""
    return f"json_group_array(json_array({compiler.process(element.clauses, **options)}))"


@compiles(rows_as_json, "postgresql")
def compile_rows_for_postgresql(element: rows_as_json, compiler: Any, **options: Any) -> str:
    """PostgreSQL's words for it."""
    return f"CAST(json_agg(json_build_array({compiler.process(element.clauses, **options)})) AS TEXT)"
