"""Which IAM actions, on which resources, an AWS call needs."""

from emulator.iam.actions.call import Call, Lookups, Permission, UnmappedCallError
from emulator.iam.actions.services import SERVICES, permissions_for

__all__ = ["SERVICES", "Call", "Lookups", "Permission", "UnmappedCallError", "permissions_for"]
