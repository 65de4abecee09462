"""The long-lived tasks: a scheduler, an executor per pool, the link to the keeper, the broker of events."""
