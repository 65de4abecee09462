"""Checks that find problems and their repairs: a module for each place where faults leave traces."""
