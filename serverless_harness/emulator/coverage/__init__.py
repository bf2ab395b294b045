"""What of AWS runs here, what is only stored, and what is refused."""

PAGE = "docs/services.md"
