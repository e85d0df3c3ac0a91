"""Pages about programs, for people."""
