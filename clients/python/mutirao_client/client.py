"""The client: what is listed, added and changed."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any

import httpx

from mutirao_client.changes import send_change
from mutirao_client.errors import ProblemError, raise_for_problem
from mutirao_client.locks import HeldRecord
from mutirao_client.outages import is_not_done, is_passing, list_pauses, may_have_arrived, name_loss
from mutirao_client.shapes import Collection, Message, Record, read_shape, write_moment
from mutirao_client.stream import Follower


class Mutirao:
    """A workspace, as the member of a token. `options` are those of `httpx.Client`.

    What reads, what has an `Idempotency-Key`, a change of a record, and what surely did not arrive, is sent again when
    the network or the server was away for a moment. Every call raises ConnectionLost when they are away for longer.
    """

    def __init__(self, address: str, token: str, **options: Any) -> None:
        headers = {"authorization": f"Bearer {token}", **options.pop("headers", {})}
        options.setdefault("timeout", 30)
        self.http = httpx.Client(base_url=f"{address.rstrip('/')}/api/v1/", headers=headers, **options)

    def __enter__(self) -> Mutirao:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of its connections."""
        self.http.close()

    def call(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        parameters: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Any call, by its path below `/api/v1`; what was answered, None for nothing. Raises ProblemError, and
        ConnectionLost, which is OutcomeUnknown where it may have been done."""
        sent = dict(headers or {})
        if method == "POST":
            sent.setdefault("idempotency-key", secrets.token_urlsafe(16))
        pauses, arrived = list_pauses(), False
        while True:
            try:
                answer = self.http.request(method, path.lstrip("/"), json=body, params=parameters, headers=sent)
                raise_for_problem(answer)
                return answer.json() if answer.content else None
            except (httpx.TransportError, ProblemError) as failure:
                if not is_passing(failure):
                    raise
                arrived = arrived or may_have_arrived(failure)
                again = method in ("GET", "POST") or is_not_done(failure)
                pause = next(pauses, None) if again else None
                if pause is None:
                    loss = name_loss(failure, unknown=arrived and method != "GET")
                    if loss is None:
                        raise
                    raise loss from failure
                pause = getattr(failure, "retry_after", None) or pause
            time.sleep(pause)

    def list(self, path: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        """Everything of a list, as it is read part by part."""
        following: str | None = ""
        while following is not None:
            part = self.call("GET", path, parameters={**parameters, **({"next": following} if following else {})})
            yield from part["items"]
            following = part["next"]

    def collections(self) -> Iterator[Collection]:
        """The collections that may be looked through."""
        return (read_shape(Collection, each) for each in self.list("collections"))

    def records(
        self, collection: str, *, q: str = "", sort: str = "", changed_after: datetime | str | None = None
    ) -> Iterator[Record]:
        """The records of a collection: those with the words `q`, by the field `sort`, or `-field`. After the
        moment `changed_after`, such as that of the last run: those that were added, changed or restored since, up to
        the newest of them when the list is begun. What the loop changes itself is in the next list."""
        moment = changed_after and write_moment(changed_after)
        given = (("q", q), ("sort", sort), ("changed_after", moment))
        asked = {name: value for name, value in given if value}
        return (read_shape(Record, each) for each in self.list(f"collections/{collection}/records", **asked))

    def record(self, collection: str, number: int) -> Record:
        """A record."""
        return read_shape(Record, self.call("GET", f"collections/{collection}/records/{number}"))

    def add(self, collection: str, values: Mapping[str, Any], *, key: str = "") -> Record:
        """Add a record, once for each `key`: with one of your own also if the script is run again."""
        headers = {"idempotency-key": key} if key else None
        path = f"collections/{collection}/records"
        return read_shape(Record, self.call("POST", path, body={"values": values}, headers=headers))

    def change(self, collection: str, number: int, version: int, values: Mapping[str, Any]) -> Record:
        """Change a record that nobody edits, if it is still of the version that is known."""
        return send_change(self, f"collections/{collection}/records/{number}", version, values)

    def lock(self, collection: str, number: int, *, wait: float = 0, ask: bool = False) -> HeldRecord:
        """A record to be changed in a `with` block that has it alone; up to `wait` seconds in line for it. With `ask`,
        whoever holds it is asked to hand over, and it is taken over when they have not answered for 30 seconds, also
        where `wait` is less. Raises ProblemError (`locked`) when `wait` is over, or they want to keep it."""
        return HeldRecord(self, collection, number, wait, ask=ask)

    def say(self, room: str, text: str, *, reply_to: int | None = None, key: str = "") -> Message:
        """Say something in a room."""
        body = {"text": text, **({} if reply_to is None else {"reply_to": reply_to})}
        headers = {"idempotency-key": key} if key else None
        return read_shape(Message, self.call("POST", f"rooms/{room}/messages", body=body, headers=headers))

    def follow(self, *, after: int | None = None, channels: Iterable[str] = ()) -> Follower:
        """What happens, from a cursor on or from now: to be iterated over, through outages, for good."""
        return Follower(self.http, after, tuple(channels))
