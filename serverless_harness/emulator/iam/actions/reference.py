"""Services whose calls are mapped by AWS's service authorization reference alone: actions, and resources.

An operation's action has its name, which holds for nearly all. Which resources an action is on, and the form
of their ARNs, the reference says; what fills in the form is found in the request, by ARNs and by the names of
its parameters. What can't be told is marked (`matching.UNTOLD`): statements that it could make a difference
to don't allow, and do deny.
"""

import os.path
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from serverless_harness.emulator.iam.actions.call import Call, Permission
from serverless_harness.emulator.iam.matching import UNTOLD
from serverless_harness.emulator.iam.service_reference import ArnFormat, action_named, arn_formats

PREFIXES: Mapping[str, str] = {
    "dynamodbstreams": "dynamodb",
    "opensearch": "es",
    "resourcegroupstaggingapi": "tag",
    "s3control": "s3",
    "stepfunctions": "states",
}
"""The IAM prefix of services that LocalStack calls by another name."""

_PLACEHOLDER = re.compile(r"\$\{(\w+)\}")
_OWN = ("Partition", "Region", "Account")
_DEFAULTS = {"GroupName": "default"}
"""What a placeholder beside another stands for where the request doesn't say: a schedule's group."""

_ALIASES = {"identityname": ("source", "fromemailaddress")}
"""Parameters that name what a placeholder, in lower case, stands for: SES's sender."""

_STEM_END = re.compile(r"(withoutleadingslash|names?|ids?|arns?|identifier)$")
_GENERIC = ("name", "names", "id", "ids", "path", "identifier", "resourcename", "resourceid")
"""Parameters that name whatever the operation is about."""

_ROLE_ARN = re.compile(r"arn:[^:]+:iam::\d{12}:role/.+")
_ROLE_PARAMETER = re.compile(r".*role(arn)?")
_PASSES_A_ROLE = re.compile(r"(Create|Put|Update|Register|Run|Start|Modify|Associate)[A-Z].*")
_MAX_RESOURCES = 50

Texts = Mapping[str, Sequence[str]]
"""The texts of a request: the parameters' names, in lower case, nested ones too, to their values."""


def permissions(call: Call) -> Iterator[Permission]:
    """Yield what a call needs: the action on each resource, and to pass the roles that it names."""
    prefix = PREFIXES.get(call.service, call.service)
    action = action_named(prefix, call.operation)
    if action is None:
        yield Permission(f"{prefix}:{UNTOLD}", UNTOLD)
        return
    texts = _texts(call.parameters)
    for resource in _resources(call, action, texts):
        yield Permission(action, resource)
    if _PASSES_A_ROLE.fullmatch(call.operation):
        for role in _roles(texts):
            yield Permission("iam:PassRole", role, {"iam:passedtoservice": (f"{prefix}.amazonaws.com",)})


def _roles(texts: Texts) -> list[str]:
    found = (text for name, values in texts.items() if _ROLE_PARAMETER.fullmatch(name) for text in values)
    return list(dict.fromkeys(text for text in found if _ROLE_ARN.fullmatch(text)))


def _resources(call: Call, action: str, texts: Texts) -> list[str]:
    """Return the resources that a call is on.

    All of an action's required types, where it has any; else those of the optional types that the request
    names, or none in particular.
    """
    if action == "events:PutEvents":
        buses = [entry.get("EventBusName") or "default" for entry in call.parameters.get("Entries") or ()]
        named = (bus if bus.startswith("arn:") else call.arn("events", f"event-bus/{bus}") for bus in buses)
        return list(dict.fromkeys(named))
    formats = _of_the_bus(arn_formats(action), texts)
    given = [arn for form in formats for arn in _given(form, texts)]
    if given:
        return list(dict.fromkeys(given))[:_MAX_RESOURCES]
    required = [form for form in formats if form.required]
    if required:
        return [arn for form in required for arn in _told(call, form, texts) or [_untold(call, [form])]]
    told = [arn for form in formats for arn in _told(call, form, texts)]
    if told or not formats:
        whole = [arn for arn in told if UNTOLD not in arn]
        return (whole or told)[:_MAX_RESOURCES] or ["*"]
    return [_untold(call, formats)]


def _of_the_bus(formats: Sequence[ArnFormat], texts: Texts) -> Sequence[ArnFormat]:
    """Leave out the form of rules that isn't meant, and buses of version 2, which aren't emulated.

    Rules of the default bus have a form of their own.
    """
    formats = [form for form in formats if form.kind != "event-busv2"]
    if not any(form.kind == "rule-on-default-event-bus" for form in formats):
        return formats
    is_default = texts.get("eventbusname", ["default"])[0].rpartition("/")[2] == "default"
    other = "rule-on-custom-event-bus" if is_default else "rule-on-default-event-bus"
    return [form._replace(kind="rule") for form in formats if form.kind != other]


def _untold(call: Call, formats: Sequence[ArnFormat]) -> str:
    """Return what the ARNs of all forms begin with, and that the rest can't be told."""
    begins = [_filled(call, form.arn, {}).partition(UNTOLD)[0] for form in formats]
    return f"{os.path.commonprefix(begins)}{UNTOLD}"  # noqa: RUF071 (characters are what is compared)


def _given(form: ArnFormat, texts: Texts) -> list[str]:
    """Return the ARNs of a form that a request holds."""
    pattern = _pattern(form.arn)
    return [text for values in texts.values() for text in values if pattern.fullmatch(text)]


def _told(call: Call, form: ArnFormat, texts: Texts) -> list[str]:
    """Return the ARNs of a form that a request names, with what can't be told of them marked."""
    names = [name for name in _PLACEHOLDER.findall(form.arn) if name not in _OWN]
    if not names:
        return [_filled(call, form.arn, {})]
    values = {name: _values(name, form.kind, texts, is_only=len(names) == 1) for name in names}
    if not any(values.values()):
        return []
    if len(names) == 1:
        named = [call.lookups.arn_by_name(form.kind, value, call) for value in values[names[0]]]
        return [
            arn or _filled(call, form.arn, {names[0]: value})
            for arn, value in zip(named, values[names[0]], strict=True)
        ][:_MAX_RESOURCES]
    known = {name: found[0] for name, found in values.items() if found}
    return [_filled(call, form.arn, _DEFAULTS | known)]


def _values(placeholder: str, kind: str, texts: Texts, *, is_only: bool) -> list[str]:
    """Return what a request has for a placeholder: by its name, by its kind, or as just a name."""
    stem, kind_stem = _stem(placeholder), _stem(kind)
    aliases = (placeholder.lower(), *_ALIASES.get(placeholder.lower(), ()))
    named = [name for name in texts if name in aliases or _stem(name) == stem]
    if not named and is_only:
        named = [name for name in texts if len(_stem(name)) > 3 and kind_stem.endswith(_stem(name))]
    if not named and (is_only or stem == kind_stem):
        named = [name for name in _GENERIC if name in texts]
    texts_found = texts[named[0]] if named else ()
    return [_bare(text, placeholder, kind) for text in texts_found if not text.startswith("arn:")]


def _bare(text: str, placeholder: str, kind: str) -> str:
    """Return a name without what its ARN's form has already."""
    if placeholder.lower().endswith("withoutleadingslash"):
        return text.removeprefix("/")
    return text.removeprefix(f"/{kind}/")


def _stem(name: str) -> str:
    stem = re.sub(r"[^a-z]", "", name.lower())
    while (shorter := _STEM_END.sub("", stem)) and shorter != stem:
        stem = shorter
    return stem.removesuffix("s")


def _filled(call: Call, form: str, values: Mapping[str, str]) -> str:
    own = {"Partition": call.partition, "Region": call.region, "Account": call.account_id}
    return _PLACEHOLDER.sub(lambda found: {**own, **values}.get(found[1], UNTOLD), form)


@lru_cache(maxsize=4096)
def _pattern(form: str) -> re.Pattern[str]:
    parts = _PLACEHOLDER.split(form)
    fields = ("[^:]*" if part in _OWN else ".+" for part in parts[1::2])
    return re.compile("".join(re.escape(text) + next(fields, "") for text in parts[::2]))


def _texts(parameters: Mapping[str, Any], depth: int = 3) -> dict[str, list[str]]:
    texts: dict[str, list[str]] = {}
    for name, value in parameters.items():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, str) and each:
                # A shard iterator begins with its stream's ARN.
                text = each.partition("|")[0] if each.startswith("arn:") else each
                texts.setdefault(name.lower(), []).append(text)
            elif isinstance(each, dict) and depth:
                for inner, found in _texts(each, depth - 1).items():
                    texts.setdefault(inner, []).extend(found)
    return texts
