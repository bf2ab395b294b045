"""Deliveries with retries, and letters of those that failed."""
