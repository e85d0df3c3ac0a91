"""What follows from the facts of editing."""

from __future__ import annotations

from app.accounts.facts import CredentialsEnded
from app.database import Follower, Shown
from app.editing.channels import read_rows, show_draft_ends, show_rows
from app.editing.facts import LockChanged, LockFreed, LockOffered
from app.editing.locks import release_locks_of_credentials
from app.editing.pushes import DraftEnd, RowStandings

locks_of_credentials = Follower(release_locks_of_credentials, (CredentialsEnded,), notes=(LockFreed, LockOffered))
rows_shown = Shown(show_rows, (LockChanged, RowStandings), read_rows)
draft_ends_shown = Shown(show_draft_ends, (DraftEnd,))
