"""Live delivery: channels and who may follow them, the event log, the hub of open sockets, presence."""
