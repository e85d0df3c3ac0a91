"""A change of a record, of which the version tells whether it was done when its answer is lost."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mutirao_client.errors import ConnectionLost, OutcomeUnknown, ProblemError
from mutirao_client.outages import list_pauses
from mutirao_client.shapes import Record, read_shape

if TYPE_CHECKING:
    from mutirao_client.client import Mutirao

# What is also said by a server that is going down, which may have written before.
GOING_DOWN = (408, 503)


def send_change(
    client: Mutirao, path: str, version: int, values: Mapping[str, Any], *, lock: str = "", held_until: float = 0
) -> Record:
    """Change a record at a version, sent again while the server is away. Nobody else can change it before the moment
    `held_until` of the monotonic clock, as long as the lock proves that it is held."""
    headers = {"if-match": f'"{version}"', **({"lock": lock} if lock else {})}
    lost: Exception | None = None
    for pause in (*list_pauses(), 0):
        try:
            return read_shape(Record, client.call("PATCH", path, body={"values": values}, headers=headers))
        except OutcomeUnknown as error:
            lost = error
        except ConnectionLost as error:
            if lost is None:
                raise
            raise OutcomeUnknown(str(error)) from error
        except ProblemError as problem:
            if problem.status in GOING_DOWN:
                lost = problem
            elif lost is None or problem.code == "invalid":
                raise
            else:
                alone = problem.code == "version-changed" and time.monotonic() < held_until
                done = find_done(client, path, version, values, alone=alone)
                if done is None:
                    raise
                return done
        time.sleep(pause)
    raise OutcomeUnknown(str(lost)) from lost


def find_done(client: Mutirao, path: str, version: int, values: Mapping[str, Any], *, alone: bool) -> Record | None:
    """The record with a change whose answer was lost; None where that was not done. Raises OutcomeUnknown where it may
    be somebody else's change that it has: unless one was `alone`, values tell that."""
    try:
        record = read_shape(Record, client.call("GET", path))
    except (ConnectionLost, ProblemError) as error:
        raise OutcomeUnknown(str(error)) from error
    if record.version == version:
        return None
    if record.version == version + 1 and (alone or values.items() <= record.values.items()):
        return record
    raise OutcomeUnknown(f"{path} is at version {record.version}, and was at {version}")
