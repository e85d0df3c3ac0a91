"""Mail: put into the outbox with the transaction of its cause, sent from there."""
