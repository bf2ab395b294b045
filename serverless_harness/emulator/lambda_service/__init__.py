"""Lambda's side of a function: assignment and limits, checks of requests, events, updates."""
