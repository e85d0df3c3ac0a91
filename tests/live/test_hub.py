"""The hub: each socket gets the events of its channels, all of them, once and in order."""

from __future__ import annotations

from collections import defaultdict
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from app.live.connection import Connection
from app.live.frames import share
from app.live.hub import Hub
from app.live.log import Event

CHANNELS = ("tenant", "room.1", "news.1", "user.1", "user.2")
crowds = st.lists(st.frozensets(st.integers(0, 9)), max_size=12)


class Reader:
    """A socket that keeps what is written to it."""

    def __init__(self, hub: Hub, channels: list[str], cursor: int) -> None:
        self.connection = Connection({"extensions": {}}, 1, lambda: None)
        hub.add(self.connection)
        hub.follow(self.connection, channels, cursor)

    def read(self) -> str:
        assert self.connection.queue is not None
        frames = []
        while not self.connection.queue.empty():
            frames.append(self.connection.queue.get_nowait().partition("-->")[2])
        return "".join(frames)


@given(crowds)
def test_each_socket_shares_its_events_with_those_who_get_the_same(crowds: list[frozenset[int]]) -> None:
    due = [(Event(cursor, "tenant", ""), set(crowd)) for cursor, crowd in enumerate(crowds, 1)]
    shares = share(due)  # type: ignore[arg-type]
    wanted = defaultdict(list)
    for cursor, crowd in enumerate(crowds, 1):
        for socket in crowd:
            wanted[socket].append(cursor)
    found = {socket: [event.cursor for event in events] for events, sockets in shares for socket in sockets}
    assert found == wanted
    assert sum(len(sockets) for _, sockets in shares) == len(found)
    assert len({tuple(cursors) for cursors in found.values()}) == len(shares)


@given(
    readers=st.lists(
        st.tuples(st.lists(st.sampled_from(CHANNELS), unique=True), st.integers(0, 5)), min_size=1, max_size=6
    ),
    channels=st.lists(st.sampled_from(CHANNELS), max_size=8),
)
async def test_who_has_read_the_log_further_than_the_hub_gets_only_what_comes_after(
    readers: list[tuple[list[str], int]], channels: list[str]
) -> None:
    hub = Hub()
    hub.cursors[1] = 0
    hub.writers = SimpleNamespace(writing=1)  # what is due waits until it is written below
    open_pages = [Reader(hub, followed, cursor) for followed, cursor in readers]
    events = [Event(cursor, channel, f"{cursor} ") for cursor, channel in enumerate(channels, 1)]
    hub.flush_took = 1.0
    for event in events:
        hub.deliver(1, [event])
    hub.flush()
    for reader, (followed, cursor) in zip(open_pages, readers, strict=True):
        assert reader.read() == "".join(e.body for e in events if e.channel in followed and e.cursor > cursor)
    assert not hub.due


async def test_who_leaves_a_channel_before_it_is_written_finds_it_in_the_log() -> None:
    hub = Hub()
    hub.writers = SimpleNamespace(writing=1)
    hub.flush_took = 1.0
    here, gone = Reader(hub, ["tenant"], 0), Reader(hub, ["tenant"], 0)
    hub.deliver(1, [Event(1, "tenant", "a")])
    hub.unfollow(gone.connection)
    hub.flush()
    assert (here.read(), gone.read()) == ("a", "")


async def test_a_heartbeat_does_not_overtake_what_is_due() -> None:
    hub = Hub()
    hub.writers = SimpleNamespace(writing=1)
    hub.flush_took = 1.0
    reader = Reader(hub, ["tenant"], 0)
    hub.deliver(1, [Event(1, "tenant", "a")])
    hub.heartbeat()
    assert reader.connection.queue is not None
    assert [reader.connection.queue.get_nowait() for _ in range(2)] == ["<!--1-->a", "<!--1-->"]


async def test_a_part_that_brings_channels_along_is_followed_on_from_there() -> None:
    hub = Hub()
    hub.writers = SimpleNamespace(writing=1)
    hub.flush_took = 1.0
    reader, other = Reader(hub, ["tenant", "user.1"], 0), Reader(hub, ["tenant", "user.2"], 0)
    hub.deliver(1, [Event(1, "news.7", "before "), Event(2, "user.1", "part ", "news.7 news.8")])
    hub.deliver(1, [Event(3, "tenant", "more "), Event(4, "news.7", "after "), Event(5, "news.8", "as well ")])
    hub.flush()
    assert (reader.read(), other.read()) == ("part more after as well ", "more ")
    hub.deliver(
        1, [Event(6, "!unfollow", '{"member": 0, "channels": ["news.7"]}'), Event(7, "news.7", "not any more ")]
    )
    hub.deliver(1, [Event(8, "user.1", "again ", "news.7"), Event(9, "news.7", "back ")])
    hub.flush()
    assert (reader.read(), other.read()) == ("again back ", "")
    hub.remove(reader.connection)
    hub.remove(other.connection)
    assert not any(hub.followers.values())


async def test_who_is_ahead_of_a_part_follows_nothing_by_it() -> None:
    hub = Hub()
    hub.cursors[1] = 0
    hub.writers = SimpleNamespace(writing=1)
    hub.flush_took = 1.0
    ahead = Reader(hub, ["user.1"], 2)  # it has read that the channel was taken away again
    hub.deliver(1, [Event(1, "user.1", "part ", "news.7")])
    hub.deliver(1, [Event(3, "news.7", "not any more ")])
    hub.flush()
    assert ahead.read() == ""
