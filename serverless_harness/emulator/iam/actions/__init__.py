"""Which IAM actions, on which resources, an AWS call needs."""

from serverless_harness.emulator.iam.actions.call import Call, Lookups, Permission, UnsupportedCallError
from serverless_harness.emulator.iam.actions.services import SERVICES, permissions_for

__all__ = ["SERVICES", "Call", "Lookups", "Permission", "UnsupportedCallError", "permissions_for"]
