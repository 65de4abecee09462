"""The files of a pipeline: read into documents, with the place of every fault."""
