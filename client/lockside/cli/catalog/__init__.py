"""The commands about stored objects and folders of files."""
