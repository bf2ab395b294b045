"""`./scripts/test`, and the shop that tests are run for."""
