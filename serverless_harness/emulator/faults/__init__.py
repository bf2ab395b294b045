"""Faults on demand, in calls to services and in functions. See docs/resilience.md."""
