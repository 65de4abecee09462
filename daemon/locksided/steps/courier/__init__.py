"""The courier: a process of its own that delivers notifications."""
