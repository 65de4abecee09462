"""The step that archives what a job left, and the check of the place that it would go to."""
