"""Schedules: when they are due, what becomes of their moments, and the jobs they create."""
