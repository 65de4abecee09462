"""The page for people: HTML made here, which works without scripts and is live with them."""
