"""When schedules fire: cron lines, intervals and lists of times as moments. Pure, apart from `zones`."""
