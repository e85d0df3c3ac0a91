"""Lists without a bound: searched by words, and shown in pages of 50, all of it in the address."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar
from urllib.parse import urlencode

from msgspec import Struct

from app.folding import fold_searched
from app.web.forms import number_of

PAGE_SIZE = 50
MOST_WORDS = 8
LONGEST_QUERY = 200

Item = TypeVar("Item")
Other = TypeVar("Other")


class Paged(Struct, Generic[Item], frozen=True):
    """A page of a list. `count` is how many items its search has on all pages."""

    items: Sequence[Item]
    count: int
    page: int = 1
    query: str = ""
    size: int = PAGE_SIZE

    @property
    def pages(self) -> int:
        """How many pages there are, at least 1."""
        return max(1, -(-self.count // self.size))

    def address(self, page: int) -> str:
        """The query string of another page under the same search."""
        parts = {"q": self.query, "page": page if page > 1 else ""}
        return "?" + urlencode({name: value for name, value in parts.items() if value})

    def of(self, items: Sequence[Other]) -> Paged[Other]:
        """The same page, of what was read for its items."""
        return Paged(items, self.count, self.page, self.query, self.size)


def clean_query(text: str) -> str:
    """What is searched for, as an address had it."""
    return " ".join(text.split())[:LONGEST_QUERY]


def place_of_page(page: str, count: int, size: int = PAGE_SIZE) -> int:
    """The page that an address asks for; the last one when there are fewer."""
    return max(1, min(number_of(page), -(-count // size)))


def page_of(
    items: Sequence[Item],
    page: str,
    *,
    query: str = "",
    text_of: Callable[[Item], str] | None = None,
    size: int = PAGE_SIZE,
) -> Paged[Item]:
    """A page of what has all words of a query in its text."""
    query = clean_query(query)
    words = fold_searched(query).split()[:MOST_WORDS]
    if words and text_of is not None:
        items = [item for item in items if all(word in fold_searched(text_of(item)) for word in words)]
    number = place_of_page(page, len(items), size)
    return Paged(items[(number - 1) * size : number * size], len(items), number, query, size)
