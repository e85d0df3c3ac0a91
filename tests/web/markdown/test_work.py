"""What a text costs grows with its length and not faster, whatever it is made of. Counted are calls, not seconds."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable
from typing import Any

import pytest

from app.chat.facts import MessageAddressed
from app.chat.message_changes import delete_message, edit_message
from app.chat.new_rooms import create_room
from app.chat.notices import tell_posted
from app.chat.search import SEARCHED_INLINE, make_excerpts, search_messages
from app.chat.text.markdown import render_markdown
from app.chat.text.rendering import LONGEST_MESSAGE, render_aside
from app.chat.timeline import show_message
from app.database import Database
from app.web.markdown import addresses
from app.web.markdown.addresses import A_STEP, PATH
from app.web.markdown.commonmark import Parser
from app.web.markdown.work import MOST_STEPS, WorkBudget
from tests.chat.test_messages import ACME, people_of, say
from tests.chat.text.test_markdown import plain_text

ORIGIN = "http://acme.hero.localhost:8000"
MEMBERS = {"Ana": 1, "Ana Souza": 2, **{"a" * length: length for length in range(3, 60)}}

# What parsers of CommonMark are known to be slow at, each repeated to the length that is asked for.
# fmt: off
REPEATED = [
    "[", "![", "[![", "[]", "[a](", "[a](<b", "![[]()", "[a][b]", "[^", "[a](b (", '[a](b "', "[a]((", "[`",
    "[*", "**[", "*", "*a_ ", "*a ", "a* ", "*a **a ", "a**b", "_a__ ", "a***b*", "~~a", "a~~ ~a~", "* _ ** ",
    "`", "e`e``", "`a``", "<", "<a ", "<a:", "<http://", "<a@", "<!--", "<?", "<![CDATA[", "&", "&amp", "&#",
    "&#1", "\\", "\\[", "\n", "a\n", ">", "> a\n", "> > > > > > a\nb\n", "- ", "- a\n", "-\n", "- - - - a\n",
    "* - ", "1. a\n", "- a\n\n", "> - ", "#\n", "[a]: http://b\n", "[a]", "    a\n", "```\n", "~~~a\n",
    "- ```\n", "> ```\n", "a\n=\n", "---\n", "a  \n", "-\t", "- - ", "http://", "http://a ", "http://a.b/",
    "http://a/(", "://", "(http://a", "www.", "www.a ", "a@", "a@a.", "a.a@", "x@y.cc ", "mailto:", "mailto:a@",
    "@", "@Ana ", "@a", "@" + "a" * 60, "#1 ", "#", "🙂", "\U0001f469\u200d\U0001f4bb", "a\u0301", "@ﷺ", "\x00",
    "\u202e",
]
# fmt: on
# What is only slow with a begin or an end of its own.
GROWING: dict[str, Callable[[int], str]] = {
    "brackets that close": lambda length: "[" * (length // 2) + "]" * (length // 2),
    "links in links": lambda length: "[" * (length // 5) + "a" + "](b)" * (length // 5),
    "marks that close": lambda length: "*a " * (length // 6) + "a* " * (length // 6),
    "backticks of growing length": lambda length: "".join(
        "e" + "`" * each for each in range(1, int((2 * length) ** 0.5))
    ),
    "lists that go deeper": lambda length: "".join("  " * each + "- a\n" for each in range(int(length**0.5))),
    "a quote that goes on": lambda length: "> " * 9 + "a\n" * (length // 2),
    "a list that goes on": lambda length: "- " * 9 + "a\n" * (length // 2),
    "a list with holes": lambda length: "- " * 9 + "x\n" + "\n\n\n\ny\n" * (length // 6),
    "one reference, many uses": lambda length: "[a]: u\n" + "[a]" * (length // 3),
    "a host without end": lambda length: "http://" + "a." * (length // 2),
    "a host of dashes": lambda length: "http://a" + "-" * length,
    "a port": lambda length: "http://a:" + "1" * length,
    "people before a host": lambda length: "http://" + "a@" * (length // 2),
    "an address of brackets": lambda length: "http://a/" + "[" * length,
    "an address of marks": lambda length: "http://a/" + "a?!,;" * (length // 5),
    "a name of a mail address": lambda length: "a" * length + "@b.cc",
    "a host of a mail address": lambda length: "a@" + "b-" * (length // 2) + ".cc",
    "a title over many lines": lambda length: "[a](b 'c" + "c\n" * (length // 2),
    "an address over many spaces": lambda length: "[a](" + " " * length,
    "an underline far below": lambda length: "a\n" * (length // 2) + "=",
}
SHAPES = {each: (lambda length, each=each: each * (length // len(each))) for each in REPEATED} | GROWING


def count_calls(work: Callable[[], Any]) -> int:
    """How many functions are called, of Python and of C."""
    count = 0

    def note(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


class CountedPath:
    """The pattern of an address's path, which counts the characters that it reads."""

    def __init__(self) -> None:
        self.read = 0

    def match(self, text: str, start: int, limit: int) -> re.Match[str] | None:
        found = PATH.match(text, start, limit)
        self.read += len(found[0]) if found else 0
        return found


def render(text: str) -> None:
    render_markdown(text, members=MEMBERS, origin=ORIGIN)


@pytest.mark.parametrize("shape", SHAPES, ids=repr)
def test_twice_the_length_costs_no_more_than_twice_the_work(shape: str) -> None:
    render("@ana *warm*")
    short, long = SHAPES[shape](800), SHAPES[shape](1600)
    once, twice = count_calls(lambda: render(short)), count_calls(lambda: render(long))
    assert twice < 2.4 * once + 500
    assert twice < 200 * len(long)


@pytest.mark.parametrize("address", ["http://a℀b/", "http://a:99999/", "www.a:99999/", "http://a.b/"])
def test_what_addresses_read_of_each_other_is_part_of_what_a_text_may_cost(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = CountedPath()
    monkeypatch.setattr(addresses, "PATH", path)
    render(address * (LONGEST_MESSAGE // len(address)))
    assert path.read < MOST_STEPS * A_STEP


@pytest.mark.parametrize("shape", SHAPES, ids=repr)
def test_what_a_text_may_not_cost_is_shown_as_it_was_typed(shape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a tenth of what a text may cost, every shape comes to where the rest of it is no markup."""
    monkeypatch.setattr("app.web.markdown.work.ANY_TEXT", 20)
    monkeypatch.setattr("app.web.markdown.work.A_CHARACTER", 0.1)
    text = f"before\n\n{SHAPES[shape](600)}\n\nthe *very* end"
    rendered = render_markdown(text, members=MEMBERS, origin=ORIGIN)
    assert re.search(r"the (\*|<em>)very(\*|</em>) end", rendered.html)
    assert re.search(r"the \*?very\*? end$", rendered.plain)
    typed = {letter for letter in text if letter.isalnum()}
    assert typed <= set(rendered.html) | set(rendered.plain)


def test_what_people_write_costs_less_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    allowed: list[tuple[WorkBudget, int]] = []

    class Noted(WorkBudget):
        def __init__(self, length: int) -> None:
            super().__init__(length)
            allowed.append((self, self.left))

    monkeypatch.setattr("app.web.markdown.work.WorkBudget", Noted)
    for text in (
        "**a** _b_ `c`",
        "| Who | Where | When |\n|---|---|---|\n" + "| Ana | at the **door** | Monday, 10:30 |\n" * 100,
        "- milk\n" * 100,
        "https://www.example.org/path/to/page?x=1\n" * 100,
        "Hi @Ana, **see** https://x.org/a and #42 _please_. 🙂\n\n" * 60,
        '{"a": [1,2,3], "b_c": {"d": "e*f"}}\n' * 40,
        "- a long item here\n  - a sub item here\n    - one more item\n" * 60,
        "Good morning. I have *read* the report, and its [table](https://x.org/a) is not right: see #12. Ana\n\n" * 80,
    ):
        render(text[:LONGEST_MESSAGE])
    for work, total in allowed:
        assert work.left > 0.05 * total


@pytest.mark.parametrize("shape", SHAPES, ids=repr)
def test_the_longest_message_costs_no_more_than_a_fixed_number_of_steps(
    shape: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The steps, and the calls that come of them, are those of a text that is much shorter."""
    text = SHAPES[shape](LONGEST_MESSAGE)[:LONGEST_MESSAGE]
    assert WorkBudget(LONGEST_MESSAGE).left == MOST_STEPS
    render("@ana *warm*")
    assert count_calls(lambda: render(text)) < 25 * MOST_STEPS


# The loop


async def turns_while(work: Any) -> int:
    """How often the loop comes round while something is waited for."""
    turns = 0
    task = asyncio.ensure_future(work)
    while not task.done():
        await asyncio.sleep(0)
        turns += 1
    await task
    return turns


async def test_the_loop_goes_on_while_a_long_text_is_rendered() -> None:
    text = "needle " + "![" * 3990
    assert await turns_while(render_aside(text, members={}, origin=ORIGIN)) > 3
    rendered = await render_aside(text, members={}, origin=ORIGIN)
    assert rendered.plain == text


def fail(*arguments: Any) -> Any:
    raise AssertionError("a text was parsed")


async def test_nobody_parses_a_text_to_find_quote_or_tell_of_a_message(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        room = await create_room(transaction, people.ana, name="Searching")
        message = await say(transaction, room, people.ana, "a **needle** in `hay`")
        answer = await say(transaction, room, people.bruno, "yes")
        answer.reply_to_id = message.id
        monkeypatch.setattr(Parser, "parse", fail)
        (hit,) = await search_messages(transaction, people.carla, "needle")
        assert hit.excerpt == [("a ", False), ("needle", True), (" in hay", False)]
        quote = (await show_message(transaction, answer)).quote
        assert quote is not None
        assert quote.text == "a needle in hay"
        mentioning = MessageAddressed(
            by=transaction.acting(people.ana.id),
            room_id=room.id,
            message_id=message.id,
            number=message.number,
            reply_to_id=None,
            mentioned=(people.carla.id,),
            records=(),
            files=(),
        )
        await tell_posted(transaction, [mentioning])


async def test_the_plain_text_follows_edits_and_deletion(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        room = await create_room(transaction, people.ana, name="Searching")
        message = await say(transaction, room, people.ana, "a **needle**")
        assert message.plain == "a needle"
        await edit_message(transaction, message, people.ana, text="a _pin_", origin="")
        assert message.plain == "a pin"
        await delete_message(transaction, message, people.ana)
        assert message.plain == ""


async def test_the_loop_goes_on_while_many_long_messages_are_searched(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        room = await create_room(transaction, people.ana, name="Searching")
        for number in range(5):
            await say(transaction, room, people.ana, f"{number} " + "words " * 1200 + "needle " + "![" * 300)
        main = asyncio.get_running_loop()
        seen = []

        def look(plains: list[str], text: str) -> Any:
            assert sum(map(len, plains)) > SEARCHED_INLINE
            with pytest.raises(RuntimeError):
                asyncio.get_running_loop()
            seen.append(main.is_running())
            return make_excerpts(plains, text)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("app.chat.search.make_excerpts", look)
            hits = await search_messages(transaction, people.ana, "needle")
        assert len(hits) == 5
        assert seen == [True]


def test_the_excerpts_of_a_page_are_cheap() -> None:
    plains = [plain_text("é " * 3990 + "needle")] * 50
    make_excerpts(plains, "needle")
    assert count_calls(lambda: make_excerpts(plains, "needle")) < 50 * 4 * 8_000
