"""Stacks, embedded, in containers or somebody else's: brought up, taken down, kept as snapshots."""

DEFAULT_PORT = 4566
"""LocalStack's own; a stack on it needs no option to be found."""


def port_option(port: int) -> str:
    """Give what leads a command to the stack on `port`."""
    return "" if port == DEFAULT_PORT else f" --port {port}"
