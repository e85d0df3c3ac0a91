"""Operators: who runs the installation, on the central host."""
