"""Secrets: the keys, what is encrypted for which place, and the encryption of what is stored anew.

Nothing is encrypted anywhere else. `cryptography` is imported when the first value is encrypted or decrypted.
"""
