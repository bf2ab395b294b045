"""IAM: how policies are evaluated, and how LocalStack's gateway enforces them."""
