"""Pages of records, their collections and imports."""
