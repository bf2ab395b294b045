"""The sandbox tests' fixtures."""

from sandbox_environments import environment, factory, kind, machines_closed

__all__ = ["environment", "factory", "kind", "machines_closed"]
