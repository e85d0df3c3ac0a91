"""A record that is held: while the block runs, nobody else changes it."""

from __future__ import annotations

import contextlib
import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

from mutirao_client.changes import send_change
from mutirao_client.errors import ConnectionLost, LockLost, ProblemError
from mutirao_client.shapes import Record, read_shape

if TYPE_CHECKING:
    from mutirao_client.client import Mutirao

ASK_EVERY = 1.0


class HeldRecord:
    """Takes the lock, renews it in a thread of its own, and frees it at the end of the block."""

    def __init__(self, client: Mutirao, collection: str, number: int, wait: float, *, ask: bool = False) -> None:
        self.client = client
        self.ask = ask
        self.path = f"collections/{collection}/records/{number}"
        self.wait = wait
        self.proof = ""
        self.lease = 60.0
        self.held_until = 0.0
        self.lost = False
        self.turn = threading.RLock()
        self.over = threading.Event()
        self.thread: threading.Thread | None = None
        self.record: Record

    def __enter__(self) -> HeldRecord:
        taken = self.take()
        self.proof, self.lease = taken["lock"], taken["lease"]
        try:
            self.record = read_shape(Record, self.client.call("GET", self.path))
        except BaseException:
            self.free()
            raise
        self.thread = threading.Thread(target=self.renew, daemon=True)
        self.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.over.set()
        if self.thread is not None:
            self.thread.join()
        self.free()

    def take(self) -> dict[str, Any]:
        """The lock, at once, in one's turn, or taken over. Raises ProblemError (`locked`) when it is somebody else's
        for longer."""
        until = time.monotonic() + self.wait
        request, may_come = None, self.ask
        while True:
            asks = self.ask and request is None
            body = {"wait": True, "ask": asks} if may_come or time.monotonic() < until else None
            try:
                answered = self.send("lock", body)
                place = answered.get("place", {})
                request = place.get("request", request)
                if "lock" not in answered and request == "unanswered":
                    with contextlib.suppress(ProblemError):  # somebody else has it by now
                        answered = self.send("lock/take-over", {"holding": answered["holding"]})
            except ProblemError:
                self.leave()
                raise
            if "lock" in answered:
                return answered
            may_come = self.ask and request != "kept" and not (asks and self.is_own(answered))
            time.sleep(ASK_EVERY)

    def send(self, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        """What is answered to who wants the lock; nothing, where that answer was lost, and asking again will tell."""
        sent_at = time.monotonic()
        try:
            answered: dict[str, Any] = self.client.call("POST", f"{self.path}/{path}", body=body)
        except ProblemError as problem:
            if problem.code != "answer-not-kept":
                raise
            if body and "wait" in body:
                return {}  # where it was taken, it ends by itself, and then it is one's turn
            # It was taken by a proof that nobody knows, so it is taken anew from oneself.
            standing = self.client.call("GET", f"{self.path}/lock")
            return self.send("lock/take-over", {"holding": standing["holding"]}) if standing["mine"] else {}
        self.held_until = sent_at + answered.get("lease", 0)
        return answered

    def is_own(self, answered: dict[str, Any]) -> bool:
        """Whether nobody was asked, as it is the member's own, on a page or by another program: not somebody's turn."""
        if not answered or answered["place"]["request"] is not None:
            return False
        standing = self.client.call("GET", f"{self.path}/lock")
        return bool(standing["state"] == "held" and standing["holding"] == answered["holding"])

    def leave(self) -> None:
        """Wait no more."""
        if self.wait or self.ask:
            with contextlib.suppress(ProblemError, ConnectionLost):
                self.client.call("DELETE", f"{self.path}/lock")

    def renew(self) -> None:
        """Hold it on until the block is over."""
        while not self.over.wait(self.lease / 3):
            with self.turn:
                sent_at = time.monotonic()
                try:
                    answered = self.client.call("PATCH", f"{self.path}/lock", headers={"lock": self.proof})
                    self.proof, self.held_until = answered["lock"], sent_at + answered["lease"]
                except ProblemError as problem:
                    if problem.status < 500 and problem.status != 429:
                        self.lost = True
                        return
                except ConnectionLost:
                    continue  # the lease goes on for two more attempts

    def change(self, **values: Any) -> Record:
        """Change values by the keys of their fields. Raises LockLost, ProblemError for values that won't do, and
        ConnectionLost, which is OutcomeUnknown where it may have been done."""
        with self.turn:
            if self.lost:
                raise LockLost(self.path)
            version, until = self.record.version, self.held_until
            try:
                self.record = send_change(self.client, self.path, version, values, lock=self.proof, held_until=until)
            except ProblemError as problem:
                if problem.code in ("locked", "lock-lost"):
                    self.lost = True
                    raise LockLost(self.path) from problem
                raise
            return self.record

    def free(self) -> None:
        """Let others have it; one that can't be told ends by itself."""
        if not self.lost:
            with contextlib.suppress(ProblemError, ConnectionLost):
                self.client.call("DELETE", f"{self.path}/lock", headers={"lock": self.proof})
