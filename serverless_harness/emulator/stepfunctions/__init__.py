"""Step Functions: what LocalStack's provider lacks."""
