"""The step that archives the output of a job, and the check of systems that archives can be sent to."""
