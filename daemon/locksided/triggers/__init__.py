"""Triggers: what they hear, when they fire, and the jobs that they make."""
