"""Where the package's own files are, and how paths are shown to people."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
LOCALSTACK_ENV = PACKAGE / "emulator" / "localstack.env"
STATE_FOLDER = ".serverless-harness"
"""The folder, in a project's, of all that the harness makes there."""


def shown(path: Path) -> str:
    """Give `path` as a person in the current folder would type it: relative where that is shorter."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
