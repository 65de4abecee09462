"""From an order to running processes."""
