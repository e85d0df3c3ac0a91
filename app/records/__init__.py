"""Collections of records: fields, records and their revisions, lists that are live in every open page."""
