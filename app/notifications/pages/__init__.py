"""Pages of the inbox, of what one wants to be told, and of announcements."""
