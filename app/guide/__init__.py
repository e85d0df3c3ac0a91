"""The guide for people, at `/help`: the very files of docs/guide, in the language of the workspace."""
