"""Functions that databases know by different names."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Integer
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
