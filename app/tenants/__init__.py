"""Workspaces and their people: sign-up, sign-in, the own account, members, settings."""
