"""Memory that is free, and that the C library keeps for the next who wants some.

glibc gives each thread a heap of its own, whose end it never gives back before it is twice as large as the largest that
was asked for: each of the two threads that hash passwords kept its 19 MB so. With one heap for all, it is for whoever
comes next, and can be given back before something large: in some milliseconds, in which others wait only if they want
memory.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

# Of malloc.h.
M_ARENA_MAX = -8


@cache
def find_library() -> Any:
    """The C library of the process where it is glibc; others have no such functions, and need none."""
    library = ctypes.CDLL(None)
    return library if hasattr(library, "malloc_trim") and hasattr(library, "mallopt") else None


def share_one_heap() -> None:
    """Let all threads that begin from now on have the same heap."""
    if library := find_library():
        library.mallopt(M_ARENA_MAX, 1)


def give_memory_back() -> None:
    """Give back what is free."""
    if library := find_library():
        library.malloc_trim(0)
