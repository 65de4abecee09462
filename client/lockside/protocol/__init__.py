"""The wire: methods, types, errors and frames of lockside, shared by its client and its daemon.

Nothing here does I/O. Import only the submodules you need: `errors` and `frames` load quickly, `types` does
not.
"""
