"""The objects of the wire: what the methods answer, and the objects that are stored.

Only shapes stand here. What comes in as parameters is in `params`; what is not known yet is null.
"""
