"""What is done later: rows of a table, claimed by one of all workers, which survive a restart."""
