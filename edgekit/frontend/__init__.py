"""Front-ends: from what a sensor gives to what a model takes, in integers, the same in Python and in C."""
