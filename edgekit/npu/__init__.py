"""Neural processing units: Arm Ethos-U, by its compiler Vela."""
