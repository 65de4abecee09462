"""The parameters of every method, one type each, with their bounds; whatever is unknown is refused by name.

Only what can be said of a request by itself is checked here: whether a job, pool or component exists is for
the daemon to say.
"""
