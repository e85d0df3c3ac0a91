"""The text of a message: from what is typed to what is shown."""
