r"""Regular expressions between percent signs: the limited syntax that AWS takes.

Source: CloudWatch Logs user guide, "Supported regular expressions (regex) syntax". Letters, digits and a
few symbols; the operators `^ $ ? [ ] { } | \ * + .`, no groups; the classes `\d \D \s \S \w \W`; `\xhh` for
any other ASCII character.
"""

import re
from collections.abc import Mapping

from serverless_harness.emulator.logs.patterns.base import (
    NOTHING_EXTRACTED,
    InvalidPatternError,
    Unstructured,
)

_ELEMENT = re.compile(
    r"""(?P<plain>[A-Za-z0-9:_\#=@/;,\-]|[\^$.|])
      | (?P<escape>\\(?:[dDsSwW]|x[0-9a-fA-F]{2}|[^A-Za-z0-9\s]))
      | (?P<class>\[\^?\]?
            (?:\\(?:[dDsSwW]|x[0-9a-fA-F]{2}|[^A-Za-z0-9\s])|[A-Za-z0-9:_\#=@/;,\-^$.|?*+{}])*\])
      | (?P<quantifier>[?*+]|\{\d+(?:,\d*)?\})
    """,
    re.VERBOSE,
)


def compile_regex(body: str) -> re.Pattern[str]:
    """Compile what stands between the percent signs.

    Raises:
        InvalidPatternError: AWS's syntax doesn't have it.
    """
    position, after_quantifier = 0, True
    while position < len(body):
        element = _ELEMENT.match(body, position)
        if element is None or (element.lastgroup == "quantifier" and after_quantifier):
            raise InvalidPatternError.of_term(body[position])
        after_quantifier = element.lastgroup == "quantifier"
        position = element.end()
    try:
        return re.compile(body, re.ASCII)
    except (re.error, OverflowError) as error:
        raise InvalidPatternError(f"Invalid regular expression '{body}': {error}") from None


def parse(text: str) -> "RegexPattern":
    """Compile a pattern that is one regular expression."""
    if len(text) < 3 or not text.endswith("%") or "%" in text[1:-1]:
        raise InvalidPatternError.of_term("%")
    return RegexPattern(compile_regex(text[1:-1]))


class RegexPattern(Unstructured):
    """A regular expression that is found anywhere in a message."""

    regex_count = 1

    def __init__(self, expression: re.Pattern[str]) -> None:
        self._expression = expression

    def match(self, message: str) -> Mapping[str, str] | None:
        """Search the message."""
        return NOTHING_EXTRACTED if self._expression.search(message) else None
