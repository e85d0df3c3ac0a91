"""Exclusive editing of any row that has the lock's columns: one writer, a queue behind it, drafts of what was typed."""
