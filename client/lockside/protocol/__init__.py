"""The wire: methods, types, errors and frames of lockside, shared by its client and its daemon.

Nothing here does I/O. Import the submodule you need: `errors` and `frames` are light, `types` is not.
"""
