"""What one run is: its steps, what is started for each, its folder, and what an outcome means."""
