"""The emulator's whole state as bytes, and back; `serverless_harness.stack` keeps it.

`service_states` finds the state by LocalStack's own state visitors, `codec` turns it into bytes, `gate` keeps
requests away meanwhile, `routes` offers both over HTTP to whoever has the token of this run. `checkpoints`
has the state written to a file while the emulator runs.
"""
