"""The step that fetches the inputs of a job into its data folder."""
