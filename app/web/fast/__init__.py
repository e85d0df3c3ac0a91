"""What goes past the ways of Litestar and Jinja, because it is much of what a request costs."""
