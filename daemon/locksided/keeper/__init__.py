"""The process that owns job processes and outlives the daemon. It uses only the standard library, and imports
nothing of the daemon.
"""
