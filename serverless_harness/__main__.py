"""`python -m serverless_harness COMMAND`: what the scripts are doors to."""

from serverless_harness.cli.app import app
from serverless_harness.cli.running import main

if __name__ == "__main__":
    main(app)
