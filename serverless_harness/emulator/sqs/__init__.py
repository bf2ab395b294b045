"""SQS: the values of queues' attributes, and what LocalStack's provider takes unchecked."""
