"""What plugs into LocalStack, and runs inside its process."""
