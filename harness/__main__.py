"""`python -m harness COMMAND`: what the scripts are doors to."""

from harness.cli.app import app
from harness.cli.running import main

if __name__ == "__main__":
    main(app)
