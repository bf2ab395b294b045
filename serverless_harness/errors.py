"""Errors that end a command with one line on the screen and an exit code."""


class HarnessError(Exception):
    """Something that was tried failed; the message says what, and where to look. Exit code 1."""

    exit_code = 1


class UserError(HarnessError):
    """Something the caller can put right; the message says what is wrong and what to do. Exit code 2."""

    exit_code = 2
