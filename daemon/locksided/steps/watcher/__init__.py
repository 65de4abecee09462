"""Watches folders for new files, in a process of the user that the triggers belong to."""
