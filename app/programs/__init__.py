"""What programs do with a token, below `/api` on a workspace's host: by the operations that pages call."""
