"""The long-lived tasks: the scheduler, an executor per pool, the link to the keeper, the event broker."""
