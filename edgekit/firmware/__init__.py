"""Standalone C on simulated boards."""
