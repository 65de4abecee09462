"""Secrets: the keys, the places that values are encrypted for, and encryption with newer keys.

Nothing is encrypted anywhere else. `cryptography` is imported when the first value is encrypted or decrypted.
"""
