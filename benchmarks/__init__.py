"""How fast the emulator is, beside what a user would pick instead: `python -m benchmarks --help`."""
