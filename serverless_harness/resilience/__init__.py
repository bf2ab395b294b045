"""Faults on demand, chaos, soak and its audit, dead letters, bad input."""
