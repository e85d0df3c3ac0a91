"""History by words: of a long text, what was taken out and put in."""

from __future__ import annotations

import re
from contextlib import aclosing

from hypothesis import given
from hypothesis import strategies as st

from app.records.wording import COMPARED_ON_A_PAGE, compare_texts, differs_by_words
from tests.conftest import Server

LONG = " ".join(f"word{number}" for number in range(60))


def test_only_what_changed_is_marked_with_some_words_around() -> None:
    shown = str(differs_by_words(LONG, LONG.replace("word30", "other & more")))
    assert "<del>word30</del>" in shown
    assert "<ins>other &amp; more</ins>" in shown
    assert shown.startswith("…")
    assert shown.endswith("…")
    assert "word29" in shown
    assert "word10" not in shown


def test_what_is_short_new_or_wholly_different_is_shown_whole() -> None:
    assert differs_by_words("1", "2") is None
    assert differs_by_words("", LONG) is None
    assert differs_by_words(LONG * 20, "x y " * 2000) is None


@given(st.text(max_size=300), st.text(max_size=300))
def test_nothing_of_a_text_becomes_markup(before: str, after: str) -> None:
    shown = differs_by_words(before, after)
    assert shown is None or not re.search(r"<(?!/?(del|ins)>)", str(shown))


async def test_a_record_s_history_says_what_became_of_a_long_text(shared_server: Server) -> None:
    async with aclosing(shared_server.let_in("acme", "ana@acme.test")) as ana:
        made = (await ana.post("/c/books/new", data={"f1": "Worded", "f7": LONG})).headers["location"]
        data = {"f1": "Worded", "f7": LONG.replace("word30", "<b>bold</b>"), "version": "1"}
        assert (await ana.post(f"{made}/edit", data=data)).is_redirect
        history = (await ana.get(made)).text.partition("history-heading")[2]
        assert "<del>word30</del><ins>&lt;b&gt;bold&lt;/b&gt;</ins>" in history
        assert history.count("word5 ") == 0, "what stayed is not said twice"


async def test_of_a_page_so_much_is_compared_and_the_rest_is_shown_whole() -> None:
    pair = (LONG, LONG.replace("word30", "other"))
    assert await compare_texts([pair, ("1", "2")]) == [differs_by_words(*pair), None]
    many = await compare_texts([pair] * 100)
    compared = [words for words in many if words is not None]
    assert 0 < len(compared) <= COMPARED_ON_A_PAGE // sum(map(len, pair))
    assert many[: len(compared)] == compared
