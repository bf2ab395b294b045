"""What the functions did: logs, REPORT lines, invocations, test events, and their use of IAM."""
