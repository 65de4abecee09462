"""Tables as known by both the daemon and its storage steps: names, mappings, orders and results. No data."""
