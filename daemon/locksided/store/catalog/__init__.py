"""Components, configurations, branches, variables, state, deduplication: functions of a transaction.

They keep versions and tell events; whether a body makes sense is checked before they are called.
"""
