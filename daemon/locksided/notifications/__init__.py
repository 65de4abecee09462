"""Notifications: which events are sent to subscribers, and how they are delivered."""
