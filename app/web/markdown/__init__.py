"""Markdown as people type it: a parser whose cost is bounded, and the wall that lets only what it writes through."""
