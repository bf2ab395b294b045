"""SNS: checks of messages that LocalStack's provider lacks."""
