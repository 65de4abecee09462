"""Keboola's Queue API over lockside's jobs, and the little of its Storage API that clients of it need."""
