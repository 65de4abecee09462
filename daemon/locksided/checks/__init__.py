"""What is not as it should be, and what would mend it: a module for each place where faults leave traces."""
