"""What every kind of filter pattern can be asked."""

from collections.abc import Mapping
from typing import Protocol

NOTHING_EXTRACTED: Mapping[str, str] = {}


class InvalidPatternError(ValueError):
    """A text that isn't a filter pattern; the message says why, in AWS's words where they are known."""

    @classmethod
    def of_term(cls, characters: str) -> "InvalidPatternError":
        """Return the error for characters that have no place where they stand."""
        return cls(f"Invalid character(s) in term '{characters}'")


class FilterPattern(Protocol):
    """A compiled filter pattern."""

    @property
    def regex_count(self) -> int:
        """How many regular expressions it holds."""

    def match(self, message: str) -> Mapping[str, str] | None:
        """Return what a message that matches gives as `extractedValues`; None where it doesn't match."""

    def has_field(self, reference: str) -> bool:
        """Whether `reference` (`$.latency`, `$bytes`) names a value of the messages that match."""

    def value(self, message: str, reference: str) -> str | None:
        """Return the value that `reference` names in a message that matches; None where it has none."""


class Unstructured:
    """Base of the patterns that know no fields."""

    regex_count = 0

    def has_field(self, reference: str) -> bool:
        """Return False: there are none."""
        return False

    def value(self, message: str, reference: str) -> str | None:
        """Return None: there are no fields."""
        return None


class MatchAll(Unstructured):
    """The empty pattern."""

    def match(self, message: str) -> Mapping[str, str]:
        """Match everything."""
        return NOTHING_EXTRACTED
