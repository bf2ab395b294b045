"""The way of each request through the stack, as spans: calls, inits, invokes, deliveries, faults."""
