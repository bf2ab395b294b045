"""Runs and tests a Terraform project of AWS Lambda functions on one's own machine."""
