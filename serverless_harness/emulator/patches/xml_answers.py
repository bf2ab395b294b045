"""Texts in moto's XML answers are escaped, and have only characters that XML can have.

moto puts what a caller sent into its templates. A control character, or with Route 53 an ampersand or a
health check without a threshold, made the answer unreadable, and every later list with it.
"""

import functools
import re
from collections.abc import Callable
from typing import Any

from moto.core import responses as core_responses
from moto.route53 import models, responses
from moto.route53.models import HealthCheck, QueryLoggingConfig
from moto.route53.responses import Route53

from serverless_harness.emulator.patches import replace, wrap

PATCHED: list[object] = [
    core_responses._TemplateEnvironmentMixin,
    HealthCheck.to_xml,
    QueryLoggingConfig.to_xml,
]

_NOT_OF_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def apply() -> None:
    """Make templates leave such characters out, and escape what Route 53 answers."""
    environment = core_responses.Environment  # type: ignore[attr-defined]
    replace(core_responses, "Environment", functools.partial(environment, finalize=_of_xml))
    for module in (models, responses):
        template = functools.partial(module.Template, autoescape=True, finalize=_of_xml)
        replace(module, "Template", template)
    replace(Route53, "should_autoescape", True)
    wrap(HealthCheck.to_xml, _as_xml)
    wrap(QueryLoggingConfig.to_xml, _as_xml)


def _of_xml(value: Any) -> Any:  # noqa: ANN401
    """Leave out the characters that XML 1.0 can't have, however they are written."""
    return type(value)(_NOT_OF_XML.sub("", value)) if isinstance(value, str) else value


@functools.cache
def _mark_safe() -> Callable[[str], str]:
    """Return what marks a text as XML, which isn't to be escaped again: Jinja's filter `safe`."""
    environment = core_responses.Environment()  # type: ignore[attr-defined]
    mark: Callable[[str], str] = environment.filters["safe"]
    return mark


def _as_xml(fn: Callable[[Any], str], self: object) -> str:
    """Return the XML without the elements that have no value."""
    return _mark_safe()(re.sub(r"<(\w+)>None</\1>", "", fn(self)))
