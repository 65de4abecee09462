"""Readers of the event log that react to what happened. The core knows none of them."""
