"""Files on their way: how many of a person at once, and how much to a workspace, before they are stored.

What is kept is judged again in the transaction that names it (`quota.py`). Until then it is on the disk, too: so what
is on its way counts as if it were there, by the length that it says, or by what has come of it. Each process counts its
own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any

from litestar import Request

from app.database import Transaction
from app.files.quota import refuse_size, sum_sizes
from app.files.storing import NotStored
from app.web.endings import end_early, end_with_answer
from app.web.texts import _l
from app.web.turns import NoTurn, OwnTurns

# How many uploads of a person are taken at once, how many wait, and for how many seconds.
UPLOADS_AT_ONCE = 3
UPLOADS_WAITING = 20
UPLOAD_PATIENCE = 60


class Arriving:
    """What is on its way to this process. `coming` is how many bytes of each workspace."""

    def __init__(self) -> None:
        self.turns = OwnTurns(UPLOADS_AT_ONCE, UPLOADS_WAITING)
        self.coming: Counter[int] = Counter()

    async def take(
        self,
        request: Request[Any, Any, Any],
        transaction: Transaction,
        *,
        quota: int | None,
        text: int = 0,
        kept: int = 0,
    ) -> AsyncIterator[bytes]:
        """The body of a request with files, when it is its sender's turn. The transaction is ended before it is taken.

        It counts until the request is answered: in a quota of so many bytes, or in none if nothing of it is kept beside
        the other files. `text` is how much of it is no file; `kept`, how much is there already, and comes again as its
        page had no answer. Raises NotStored, as taking its pieces does.
        """
        tenant_id, database = transaction.tenant.id, request.app.state.database
        whose = (tenant_id, transaction.actor.member_id)
        await end_early(request.scope)
        ending = AsyncExitStack()
        try:
            await ending.enter_async_context(self.turns.take(whose, UPLOAD_PATIENCE))
        except NoTurn as error:
            raise NotStored(
                _l("You are sending too many files at once. Wait until they have arrived, then try again."), 429
            ) from error
        end_with_answer(request.scope, ending)
        if quota is None:
            return request.stream()
        async with database.read(tenant_id) as reading:
            room = quota - await sum_sizes(reading) + kept
        size = ending.enter_context(self.counted(tenant_id, room, quota))
        size.grow((request.content_length or 0) - text)
        return count_pieces(request.stream(), size, -text)

    @contextmanager
    def counted(self, tenant_id: int, room: int, quota: int) -> Iterator[ComingSize]:
        """Count what is on its way, as far as it is known."""
        size = ComingSize(self.coming, tenant_id, room, quota)
        try:
            yield size
        finally:
            self.coming[tenant_id] -= size.counted
            if not self.coming[tenant_id]:
                del self.coming[tenant_id]


class ComingSize:
    """How large one upload is, as far as it is known, beside the others of its workspace."""

    def __init__(self, coming: Counter[int], tenant_id: int, room: int, quota: int) -> None:
        self.coming = coming
        self.tenant_id = tenant_id
        self.room = room
        self.quota = quota
        self.counted = 0

    def grow(self, size: int) -> None:
        """Count it as one of so many bytes, if it was thought to have less. Raises NotStored when there is no room."""
        more = size - self.counted
        if more <= 0:
            return
        if self.coming[self.tenant_id] + more > self.room:
            raise NotStored(refuse_size(self.quota), 422)
        self.coming[self.tenant_id] += more
        self.counted = size


async def count_pieces(pieces: AsyncIterator[bytes], size: ComingSize, received: int) -> AsyncIterator[bytes]:
    """The pieces of a body, counted as they come."""
    async for piece in pieces:
        received += len(piece)
        size.grow(received)
        yield piece
