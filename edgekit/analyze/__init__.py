"""What each layer tolerates, and where accuracy went."""
