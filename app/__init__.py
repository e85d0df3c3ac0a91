"""Mutirão: a self-hosted workspace for teams. docs/architecture.md shows how its parts stand on each other."""

__version__ = "0.3.0"
