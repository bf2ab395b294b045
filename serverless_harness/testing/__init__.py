"""`test`, and the deployment that tests are run for."""
