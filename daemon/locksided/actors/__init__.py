"""The long-lived tasks: one scheduler, an executor for each pool, the link to the keeper, the broker of events."""
