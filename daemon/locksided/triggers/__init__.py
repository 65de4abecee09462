"""Triggers: their conditions, when they fire, and the jobs they create."""
