"""The objects of the wire: the results of methods, and stored objects.

Parameters are declared with the methods. Members that are not known yet are null.
"""
