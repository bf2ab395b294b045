"""Faults on demand, and dead letters."""
