"""`python -m harness COMMAND`: what the scripts are doors to."""

from harness.cli import main

if __name__ == "__main__":
    main()
