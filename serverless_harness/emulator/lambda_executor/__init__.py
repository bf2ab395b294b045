"""The `process` runtime executor: Runtime API, environments, logs."""
