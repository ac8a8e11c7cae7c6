"""Datasets, and their split into training, calibration and evaluation samples."""
