"""Who is here: members, their passwords and sessions, and the pages to sign in and out."""
