"""What runs in the launcher process: the standard library alone, one thread (see `main`)."""
