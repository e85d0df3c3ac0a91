"""What goes past SQLAlchemy's unit of work, because it is much of what a request costs."""
