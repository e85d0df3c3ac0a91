"""Chat: rooms, messages, and what people expect of them."""
