"""Pages of a workspace, its members and one's own account; and of the central host."""
