"""The commands about the daemon."""
