"""What a model costs and what it lost, measured by running it."""
