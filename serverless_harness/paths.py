"""Where things are in the project and in the folder that it makes at run time."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
HANDLERS = PROJECT / "handlers"
TERRAFORM = PROJECT / "terraform"
LOCALSTACK_ENV = PROJECT / "serverless_harness" / "emulator" / "localstack.env"

STATE = PROJECT / ".serverless-harness"
STACKS = STATE / "stacks"
RUNTIMES = STATE / "runtimes"
ERROR_LOG = STATE / "errors.log"


def shown(path: Path) -> str:
    """Give `path` as a person in the current folder would type it: relative where that is shorter."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
