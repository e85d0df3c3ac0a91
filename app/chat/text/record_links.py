"""Links to records in messages. A message is stored once, with its links, for all in its room; who may not see a record
gets plain text, as of what is no record."""

from __future__ import annotations

import re
from collections.abc import Collection

RECORD_LINK = re.compile(r'<a class="record-link" href="([^"]*)">')


def without_record_links(html: str, addresses: Collection[str]) -> str:
    """A message's text, in which the links to some records lead nowhere."""
    if not addresses:
        return html
    return RECORD_LINK.sub(lambda link: '<a class="record-link">' if link[1] in addresses else link[0], html)
