"""KMS: LocalStack's keys, aliases and grants, with AWS's cryptography and its rules on top."""
