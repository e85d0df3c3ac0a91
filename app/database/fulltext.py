"""Full-text search by the database's own means, with one meaning on all: FTS5 on SQLite, tsvector on PostgreSQL.

Words are runs of letters and digits, compared without case, accents and strokes. On PostgreSQL a text is cut into words
here and not by one of its parsers, which know addresses, paths and word stems, and differ by installation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from msgspec import Struct
from sqlalchemy import Dialect, Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import bindparam
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

from app.folding import STROKED, fold_searched

# What PostgreSQL takes of a word, with room to spare (a lexeme has less than 2 KB), and positions in a text.
LONGEST_WORD = 200
MOST_POSITIONS = 16_000


def split_words(text: str) -> Iterator[str]:
    """The words of a text as PostgreSQL's index has them: 'Olá, São João!' gives 'ola', 'sao', 'joao'."""
    for word in re.findall(r"[^\W_]+", fold_searched(text)):
        yield word[:LONGEST_WORD]


def list_lexemes(text: str) -> list[str]:
    """Each word once, in order: what PostgreSQL's index has of a text."""
    return sorted(set(list(split_words(text))[:MOST_POSITIONS]))


class Query(Struct, frozen=True):
    """What is searched for: each phrase (or word) has to be there; with `open_ended` the last word may go on."""

    phrases: tuple[str, ...]
    open_ended: bool

    def for_sqlite(self) -> str:
        """In the syntax of FTS5 (https://sqlite.org/fts5.html#full_text_query_syntax), with everything quoted."""
        quoted = (f'"{phrase.translate(STROKED).replace(chr(34), " ")}"' for phrase in self.phrases)
        return " ".join(quoted) + ("*" if self.open_ended else "")

    def for_postgresql(self) -> str:
        """As a tsquery (https://www.postgresql.org/docs/current/datatype-textsearch.html)."""
        phrases = [[f"'{word}'" for word in split_words(phrase)] for phrase in self.phrases]
        phrases = [phrase for phrase in phrases if phrase]
        if phrases and self.open_ended:
            phrases[-1][-1] += ":*"
        return " & ".join(" <-> ".join(phrase) for phrase in phrases)


def type_of(dialect: Any, name: str) -> TypeEngine[Any]:
    """A type that PostgreSQL has; elsewhere it is a text."""
    found: TypeEngine[Any] = dialect.ischema_names[name]() if dialect.name == "postgresql" else Text()
    return found


class FullText(TypeDecorator[str]):
    """The column of an index: it takes a text, and can only be searched."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:  # noqa: D102
        return type_of(dialect, "tsvector")

    def process_bind_param(self, value: str | None, dialect: Dialect) -> Any:  # noqa: D102
        if value is None:
            return None
        if dialect.name != "postgresql":
            return value.translate(STROKED)  # FTS5 takes accents away, and no strokes
        words = list(split_words(value))[:MOST_POSITIONS]
        return " ".join(f"'{word}':{position}" for position, word in enumerate(words, 1))


class FullTextQuery(TypeDecorator[Query]):
    """A query, in the syntax of the database."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:  # noqa: D102
        return type_of(dialect, "tsquery")

    def process_bind_param(self, value: Query | None, dialect: Dialect) -> Any:  # noqa: D102
        if value is None:
            return None
        return value.for_postgresql() if dialect.name == "postgresql" else value.for_sqlite()


class find_messages(FunctionElement[int]):
    """The ids of the messages of which the index has what is searched for, a `Query` in a parameter:
    `find_messages("query").table_valued("id")`.

    A table to join, and to sort by: on SQLite it gives the newest first, and stops with who reads it. So what many
    messages have is found as quickly as what one has.

    On PostgreSQL the index is asked by a function of the tables' owner, that looks into the transaction's workspace
    only. Under row-level security the planner would not use the index: it may not run the operator `@@`, which could
    tell of the rows it sees, before it knows whose they are.
    """

    name = "find_messages"
    inherit_cache = True

    def __init__(self, parameter: str) -> None:
        super().__init__(bindparam(parameter, type_=FullTextQuery()))


@compiles(find_messages, "sqlite")
def compile_for_sqlite(element: find_messages, compiler: Any, **options: Any) -> str:
    """FTS5 goes through its rows from the last."""
    query = compiler.process(element.clauses, **options)
    return f"(SELECT rowid AS id FROM message_index WHERE message_index MATCH {query} ORDER BY rowid DESC)"  # noqa: S608  (a bound parameter)


@compiles(find_messages, "postgresql")
def compile_match_for_postgresql(element: find_messages, compiler: Any, **options: Any) -> str:
    """The function that migration 0003 makes."""
    return f"(SELECT search_message_index({compiler.process(element.clauses, **options)}) AS id)"
