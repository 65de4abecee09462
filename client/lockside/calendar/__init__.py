"""Computes when schedules fire, from cron lines, intervals and lists of times. Pure, except for `zones`."""
