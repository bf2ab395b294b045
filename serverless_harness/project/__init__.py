"""A project: a folder with Terraform in it, its settings, and what its authors add to the commands."""
