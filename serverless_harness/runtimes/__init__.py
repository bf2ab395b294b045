"""The Pythons that functions run on, one folder per runtime, and how they are made.

`pythons.py` and `environments.py` run on any Python from 3.8 on with the standard library alone:
`scripts/lib/bootstrap.py` makes a checkout's environments by them before anything is installed.
"""
