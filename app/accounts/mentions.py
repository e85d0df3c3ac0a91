"""Members whom a stored text mentions: it has their numbers, and whoever reads it sees the names they have now.

A mention stands in a text between two characters that Unicode keeps for a program's own use, so that nobody can type
one, and no name is looked for in what was typed long ago.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape

from markupsafe import escape

from app.accounts.members import find_member_names
from app.database import Transaction

OPEN, CLOSE = "\ufdd0", "\ufdd1"
STORED = re.compile(f"{OPEN}([0-9]{{1,18}}){CLOSE}")
# A mention, or what is left of one in a stored text that was cut.
MARKS = re.compile(f"{OPEN}([0-9]{{1,18}}){CLOSE}|{OPEN}[0-9]*|{CLOSE}")
# As `chat/text/markdown.py` writes it; nobody's text can look like that, as it is escaped.
SHOWN_MENTION = re.compile(
    r'(?P<before><span class="mention(?: quoted)?" data-member="(?P<member>[0-9]{1,18})">@)(?P<name>[^<]*)'
)


def store_mention(member_id: int) -> str:
    """A mention as a text is stored with it."""
    return f"{OPEN}{member_id}{CLOSE}"


def without_marks(text: str) -> str:
    """A typed text without what marks a mention in a stored one."""
    return text.replace(OPEN, "").replace(CLOSE, "")


def mentioned_in(*texts: str) -> set[int]:
    """The numbers of the members whom stored texts, or messages as HTML, mention."""
    stored = {int(number) for text in texts if OPEN in text for number in STORED.findall(text)}
    return stored | {
        int(found["member"]) for text in texts if "data-member" in text for found in SHOWN_MENTION.finditer(text)
    }


def names_in(html: str) -> dict[str, int]:
    """Members by the names that a message was written with."""
    return {unescape(found["name"]): int(found["member"]) for found in SHOWN_MENTION.finditer(html)}


def names_by_member(html: str) -> dict[int, str]:
    """The names that a message was written with; of several for one member the shortest."""
    found = [(int(each["member"]), unescape(each["name"])) for each in SHOWN_MENTION.finditer(html)]
    return dict(sorted(found, key=lambda pair: len(pair[1]), reverse=True))


def write_names(text: str, names: Mapping[int, str]) -> str:
    """A stored text as people read it."""
    if OPEN not in text:
        return text
    return MARKS.sub(lambda found: f"@{without_marks(names.get(int(found[1]), ''))}" if found[1] else "", text)


def write_names_in_html(html: str, names: Mapping[int, str]) -> str:
    """A message as HTML with the names that members have now."""
    if not names or "data-member" not in html:
        return html
    return SHOWN_MENTION.sub(
        lambda found: found["before"] + str(escape(names.get(int(found["member"]), unescape(found["name"])))), html
    )


async def read_texts(transaction: Transaction, *texts: str) -> list[str]:
    """Stored texts as people read them."""
    names = await find_member_names(transaction, mentioned_in(*texts))
    return [write_names(text, names) for text in texts]
