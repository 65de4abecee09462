"""Tables as the daemon and its storage steps both know them: names, mappings, orders and results. No data."""
