"""Stacks that a shop is deployed to, embedded, in containers or somebody else's: up, down and between."""
