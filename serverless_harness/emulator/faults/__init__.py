"""Faults on demand: AWS errors, delays and lost connections in calls to services; kills, hangs and exhausted
memory in functions. See docs/resilience.md."""
