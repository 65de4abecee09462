"""Reads the files of a pipeline into documents, with the place of every fault."""
