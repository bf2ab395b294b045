"""Filter patterns of CloudWatch Logs: one evaluator for FilterLogEvents, metric and subscription filters.

Source: CloudWatch Logs user guide, "Filter pattern syntax for metric filters, subscription filters, filter
log events, and Live Tail" and the pages below it.
"""

import functools

from serverless_harness.emulator.logs.patterns import delimited, json_fields, regex, terms
from serverless_harness.emulator.logs.patterns.base import FilterPattern, InvalidPatternError, MatchAll

__all__ = ["FilterPattern", "InvalidPatternError", "parse"]


@functools.lru_cache(maxsize=1024)
def parse(text: str) -> FilterPattern:
    """Compile a filter pattern; the empty one matches everything.

    Raises:
        InvalidPatternError: It isn't one; the message is AWS's, where that is known.
    """
    text = text.strip()
    if not text:
        return MatchAll()
    for opening, closing, compiler in (
        ("{", "}", json_fields.parse),
        ("[", "]", delimited.parse),
    ):
        if text.startswith(opening):
            if len(text) < 2 or not text.endswith(closing):
                raise InvalidPatternError(
                    f"If a filter pattern starts with '{opening}' it must end with '{closing}'"
                )
            return compiler(text[1:-1])
    if text.startswith("%"):
        return regex.parse(text)
    return terms.parse(text)
