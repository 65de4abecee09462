"""Readers of the event log that react to events. The core does not know them."""
