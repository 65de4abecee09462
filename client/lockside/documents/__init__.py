"""The documents of lockside (job requests, components, configurations, pools, variables), one type each.

The wire, the daemon and `lockside validate` read a document with the same type, so they cannot disagree.
Methods, rights and storage are defined elsewhere. `enums` and `quantities` need the standard library alone.
"""
