"""CloudWatch: tags of what is made with them, which LocalStack's provider drops."""
