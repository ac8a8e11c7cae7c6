"""What the user says: the project, its targets, their recipes."""
