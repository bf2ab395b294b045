"""Functions under a debugger: their sessions, and the way from an environment's process to the client."""
