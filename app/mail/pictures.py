"""Pictures in mails come with them: no mail program asks anybody for one, and nobody learns that a mail was opened."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.message import EmailMessage
from functools import partial

from msgspec.structs import replace

from app.files.decoding import DECODER
from app.files.small_pictures import convert_for_mail
from app.files.uploads import PICTURES, in_thread
from app.mail.outbox import Content

# Bytes of a mail with its pictures before they are encoded, which takes a third more: it stays below 100 kB.
MOST_OF_MAIL = 70_000
ALTERNATIVE = re.compile(r'<img src="cid:([^"]+)" alt="([^"]*)"[^>]*>')


async def take_pictures(content: Content) -> tuple[Content, dict[str, tuple[str, bytes]]]:
    """A mail's pictures as they are sent, by their names; in the place of one that can't be is what stands for it."""
    taken: dict[str, tuple[str, bytes]] = {}
    left = MOST_OF_MAIL - len((content.text + content.html).encode())
    for name, path in content.pictures.items():
        owner = f"mail {path.name}"
        stop = partial(DECODER.abandon, owner)
        made = await in_thread(convert_for_mail, path, owner, executor=PICTURES, stop=stop)
        if made is not None and len(made[1]) <= left:
            taken[name] = made
            left -= len(made[1])
    html = ALTERNATIVE.sub(lambda found: found[0] if found[1] in taken else found[2], content.html)
    return replace(content, html=html), taken


def attach_pictures(message: EmailMessage, pictures: Mapping[str, tuple[str, bytes]]) -> None:
    """Put pictures beside the HTML of a message, where it finds them by their names."""
    *_, html = message.iter_parts()
    for name, (kind, content) in pictures.items():
        html.add_related(content, "image", kind, cid=f"<{name}>", disposition="inline", filename=f"picture.{kind}")
