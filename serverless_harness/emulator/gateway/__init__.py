"""The HTTP server that listens on loopback only, and LocalStack's calls of itself."""
