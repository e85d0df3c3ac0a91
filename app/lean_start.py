"""What makes a process smaller and sooner there, done before it imports anything else.

Nothing that is made while modules are imported is garbage, so it is not looked through again and again. And libraries
import what they have a use for that is none of ours: it is left out, or imported when somebody asks for it.
"""

from __future__ import annotations

import gc
import importlib
import sys
from types import ModuleType
from typing import Any

# How many objects more there are before they are looked through.
MANY_OBJECTS = 100_000
# Litestar imports two, for a debugger in its errors and descriptions of an API as YAML; uvicorn one to configure logs.
ASKED_FOR_BY_NOBODY = ("pdb", "yaml", "logging.config")


class ImportedWhenUsed(ModuleType):
    """Stands for a module until somebody asks for what is in it."""

    def __getattr__(self, name: str) -> Any:
        """What is in it."""
        if name.startswith("__") and name != "__path__":
            raise AttributeError(name)  # who looks through all modules does not use them
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


def import_when_used(name: str) -> None:
    """Have a module imported when it is used, also as a part of the one that it is in."""
    package, _, part = name.rpartition(".")
    if name not in sys.modules:
        sys.modules[name] = ImportedWhenUsed(name)
        if package:
            vars(importlib.import_module(package))[part] = sys.modules[name]


def import_without(name: str, imported: str) -> None:
    """Import a module that does with or without another: without it."""
    if name in sys.modules:
        return
    sys.modules[name] = None  # type: ignore[assignment]  # so Python notes that there is none
    try:
        importlib.import_module(imported)
    finally:
        del sys.modules[name]


gc.set_threshold(MANY_OBJECTS, 20, 50)
for each in ASKED_FOR_BY_NOBODY:
    import_when_used(each)
import_without("rich", "structlog")  # it would colour tracebacks; ours are lines of a log
