"""Processes that carry out steps, and what they may do."""
