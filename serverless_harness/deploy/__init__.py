"""From sources to what is deployed: packages, Terraform and its providers, and what changed since."""
