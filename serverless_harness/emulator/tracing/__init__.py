"""Traces: each request and what follows from it, as spans: calls, inits, invokes, deliveries, faults."""
