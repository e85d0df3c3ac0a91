"""A small typed client of Mutirão's API: records, changes under a lock, messages, and the stream of what happens."""

from mutirao_client.client import Mutirao
from mutirao_client.errors import ConnectionLost, LockLost, OutcomeUnknown, ProblemError, StreamEnded
from mutirao_client.locks import HeldRecord
from mutirao_client.shapes import Collection, Event, Gap, Message, Record
from mutirao_client.stream import Follower

__all__ = [
    "Collection",
    "ConnectionLost",
    "Event",
    "Follower",
    "Gap",
    "HeldRecord",
    "LockLost",
    "Message",
    "Mutirao",
    "OutcomeUnknown",
    "ProblemError",
    "Record",
    "StreamEnded",
]
