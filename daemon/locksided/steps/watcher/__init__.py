"""Watches folders for files that appear: a process of the user whose triggers want to hear of them."""
