"""Keboola's Queue API for lockside's jobs, and the part of its Storage API that its clients need."""
