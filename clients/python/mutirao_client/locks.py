"""A record that is held: while the block runs, nobody else changes it."""

from __future__ import annotations

import contextlib
import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

import httpx

from mutirao_client.errors import LockLost, ProblemError
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
        """The lock, at once or in one's turn. Raises ProblemError (`locked`) when it is somebody else's for longer."""
        until = time.monotonic() + self.wait
        while True:
            in_line = time.monotonic() < until
            body = {"wait": True, "ask": self.ask} if in_line else None
            try:
                answered: dict[str, Any] = self.client.call("POST", f"{self.path}/lock", body=body)
            except ProblemError as problem:
                # It was taken, and the answer was lost: it is ours by a proof that nobody knows. It ends by itself.
                if problem.code != "answer-not-kept" or not in_line:
                    self.leave()
                    raise
                answered = {}
            if "lock" in answered:
                return answered
            if answered.get("place", {}).get("request") == "unanswered":
                with contextlib.suppress(ProblemError):  # somebody else has it by now
                    over = {"holding": answered["holding"]}
                    taken: dict[str, Any] = self.client.call("POST", f"{self.path}/lock/take-over", body=over)
                    return taken
            time.sleep(ASK_EVERY)

    def leave(self) -> None:
        """Wait no more."""
        if self.wait:
            with contextlib.suppress(ProblemError, httpx.TransportError):
                self.client.call("DELETE", f"{self.path}/lock")

    def renew(self) -> None:
        """Hold it on until the block is over."""
        while not self.over.wait(self.lease / 3):
            with self.turn:
                try:
                    answered = self.client.call("PATCH", f"{self.path}/lock", headers={"lock": self.proof})
                    self.proof = answered["lock"]
                except ProblemError as problem:
                    if problem.status < 500 and problem.status != 429:
                        self.lost = True
                        return
                except httpx.TransportError:
                    continue  # the lease goes on for two more attempts

    def change(self, **values: Any) -> Record:
        """Change values by the keys of their fields. Raises LockLost, and ProblemError for values that won't do."""
        with self.turn:
            if self.lost:
                raise LockLost(self.path)
            headers = {"lock": self.proof, "if-match": f'"{self.record.version}"'}
            try:
                given = self.client.call("PATCH", self.path, body={"values": values}, headers=headers)
            except ProblemError as problem:
                if problem.code in ("locked", "lock-lost"):
                    self.lost = True
                    raise LockLost(self.path) from problem
                raise
            self.record = read_shape(Record, given)
            return self.record

    def free(self) -> None:
        """Let others have it; one that can't be told ends by itself."""
        if not self.lost:
            with contextlib.suppress(ProblemError, httpx.TransportError):
                self.client.call("DELETE", f"{self.path}/lock", headers={"lock": self.proof})
