"""The gateway: what clients of the Pusher protocol find here, and the apps that they belong to."""
