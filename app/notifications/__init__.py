"""Notifications: what happened that somebody wants to know, in the inbox, as a toast and by mail."""
