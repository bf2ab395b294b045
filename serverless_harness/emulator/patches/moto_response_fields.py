"""Which fields an answer of moto's has is of that answer alone.

moto notes it in a dictionary of the class: requests beside it see fields come and go, and end in an exception
where they are just going through them.
"""

from collections.abc import Callable

from moto.core.responses import BaseResponse

from serverless_harness.emulator.patches import wrap

PATCHED: list[object] = [BaseResponse._include_in_response, BaseResponse._exclude_from_response]


def apply() -> None:
    """Have each answer note it in a dictionary of its own."""
    wrap(BaseResponse._include_in_response, _note)
    wrap(BaseResponse._exclude_from_response, _note)


def _note(fn: Callable[[BaseResponse, str], None], self: BaseResponse, response_key_path: str) -> None:
    self.RESPONSE_KEY_PATH_TO_TRANSFORMER = dict(self.RESPONSE_KEY_PATH_TO_TRANSFORMER)
    fn(self, response_key_path)
