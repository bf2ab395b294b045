"""Lets moto look up the methods of a service's class once instead of at every request.

`moto.core.responses.BaseResponse.call_action` goes through all members of the class with
`inspect.getmembers`, which is the largest part of a `PutLogEvents`. Classes don't change at run time.
"""

import functools

from moto.core import responses
from moto.core.responses import BaseResponse
from moto.core.utils import method_names_from_class

from serverless_harness.emulator.patches import replace

PATCHED = [BaseResponse.call_action, method_names_from_class]


def apply() -> None:
    """Remember what the function returned."""
    replace(responses, "method_names_from_class", functools.cache(method_names_from_class))
