"""Requests held against their service's model, and the errors that malformed ones end in."""
