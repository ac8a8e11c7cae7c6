"""The commands: each with its result, its function and what it prints."""
