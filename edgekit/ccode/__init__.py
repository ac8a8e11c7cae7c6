"""Standalone C: a model without an interpreter."""
