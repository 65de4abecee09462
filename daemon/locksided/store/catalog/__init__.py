"""Components, configurations, branches, variables, state, deduplication: functions of a transaction.

They keep versions and append events; the caller checks whether a body is valid.
"""
