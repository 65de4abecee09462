"""Executors: processes that own runs on other machines, which an engine finds. They use the keepers' protocol
and import only the keeper's modules and the standard library.
"""
