"""Pages of who runs the installation."""
