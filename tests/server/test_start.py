"""What a process works out before it serves: at its first write, everybody who writes in that workspace would wait."""

from __future__ import annotations

from app.records.kinds.collation import load_collator
from app.server.asgi import Pages
from app.web.templates import environment


def test_the_order_of_texts_and_what_is_pushed_are_there_before_the_first_write() -> None:
    load_collator.cache_clear()
    environment.cache_clear()
    Pages()
    assert load_collator.cache_info().currsize == 1
    made = environment("en")
    assert made.cache is not None
    assert "records/_row.html" in {name for _, name in made.cache}
