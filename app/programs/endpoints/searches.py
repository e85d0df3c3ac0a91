"""Messages that are searched for, by words and by where, when and by whom they were said."""

from __future__ import annotations

from typing import Annotated, Any

from litestar.params import QueryParameter

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.chat.limits import SearchLimit
from app.chat.memberships import get_room
from app.chat.rights import of_room
from app.chat.search import HITS, Hit, search_messages
from app.database import Transaction
from app.programs.chat_shapes import shape_messages
from app.programs.endpoints.people import LARGEST_ID
from app.programs.lists import DEFAULT_LIMIT, After, Limit, Since, Until, read_bound, read_cursor, write_cursor
from app.programs.room_shapes import FoundMessage
from app.programs.routes import ListPart, reads

# A token that is narrowed sees few of those that are found: so often more are looked for.
MOST_LOOKS = 8
Words = Annotated[
    str, QueryParameter(name="q", max_length=200, description='Words and "phrases", all of which are in the message.')
]
OfRoom = Annotated[str, QueryParameter(name="room", max_length=80, description="Only in the room of this slug.")]
OfAuthor = Annotated[
    int | None, QueryParameter(name="author", ge=1, le=LARGEST_ID, description="Only by the member of this id.")
]


@reads("/messages/search", scope="chat:read", heavy=True)
async def search_messages_for_programs(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    q: Words = "",
    room: OfRoom = "",
    author: OfAuthor = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = DEFAULT_LIMIT,
    next: After = "",
) -> ListPart[FoundMessage]:
    """The messages that have all words of `q`, in rooms that one may read, the newest first: in a `room`, by an
    `author`, from one moment on, up to another one. Nothing is asked for is nothing found."""
    first, last = read_bound(since, "since"), read_bound(until, "until")
    if q or room or author or first or last:
        await SearchLimit(request.app.state.windows).check(member)
    where = await get_room(transaction, member, room) if room else None
    before = (read_cursor(next, int) or [0])[0]
    found: list[Hit] = []
    goes_on = True
    for _ in range(MOST_LOOKS):
        asked: dict[str, Any] = {"room": where, "author_id": author or 0, "since": first, "until": last}
        hits = await search_messages(transaction, member, q, before=before, **asked)
        goes_on = len(hits) > HITS
        found += [each for each in hits[:HITS] if member.grant.reaches(of_room(each.room))]
        if not goes_on or len(found) > limit:
            break
        before = hits[HITS - 1].message.id
    shown = found[:limit]
    if len(found) > limit:
        before, goes_on = shown[-1].message.id, True
    shapes = await shape_messages(transaction, [each.message for each in shown])
    return ListPart(
        [
            FoundMessage(hit.room.slug, hit.room_name, "".join(text for text, _ in hit.excerpt), shape)
            for hit, shape in zip(shown, shapes, strict=True)
        ],
        write_cursor(before) if goes_on else None,
    )


endpoints: list[Any] = [search_messages_for_programs]
