"""Files that people bring: how they are received, what they are, what is taken out of them, and where they stay."""
