"""The words for the levels of messages that come by GELF."""

LEVEL_WORDS = ("emergency", "alert", "critical", "error", "warning", "notice", "info", "debug")
"""By the level of syslog, which GELF has."""
