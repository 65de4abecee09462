"""Notifications: what is told of events to subscribers, and how it is delivered."""
