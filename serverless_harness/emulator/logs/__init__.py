"""CloudWatch Logs: filter patterns, metric filters and subscriptions, as AWS has them."""
