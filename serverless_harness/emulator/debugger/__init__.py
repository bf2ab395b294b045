"""Functions under a debugger: their sessions, and how a function's process reaches the client."""
