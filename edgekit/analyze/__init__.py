"""Which layers bear what, and where accuracy went."""
