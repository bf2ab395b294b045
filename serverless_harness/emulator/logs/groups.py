"""The log groups and their filters as moto keeps them, found and paged as AWS does."""

from collections.abc import Callable, Sequence
from typing import Any

from localstack.aws.api import RequestContext
from localstack.aws.api import logs as api
from localstack.aws.api.logs import (
    InvalidParameterException,
    LimitExceededException,
    ResourceNotFoundException,
)
from localstack.services.logs.models import get_moto_logs_backend
from moto.logs.models import LogGroup, LogsBackend, LogStream

from serverless_harness.emulator.logs.patterns import FilterPattern, InvalidPatternError, parse
from serverless_harness.emulator.logs.subscriptions import MAX_REGEX_FILTERS_OF_GROUP

NO_GROUP = "The specified log group does not exist."
NO_STREAM = "The specified log stream does not exist."
PAGE = 50


def backend_of(context: RequestContext) -> LogsBackend:
    """Return moto's backend for a request's account and region."""
    return get_moto_logs_backend(context.account_id, context.region)


def group_of(context: RequestContext, name: str | None, identifier: str | None = None) -> LogGroup:
    """Return a log group by its name, or by its name or ARN.

    Raises:
        ResourceNotFoundException: There is none.
        InvalidParameterException: Both are given, or neither.
    """
    if (name is None) == (identifier is None):
        raise InvalidParameterException(
            "Exactly one of logGroupName and logGroupIdentifier must be specified."
        )
    text = name or (identifier or "").removesuffix(":*").rpartition(":log-group:")[2]
    group = backend_of(context).groups.get(text)
    if group is None:
        raise ResourceNotFoundException(NO_GROUP)
    return group


def find_groups(backend: LogsBackend, prefix: str | None, pattern: str | None) -> list[LogGroup]:
    """Return the groups whose names begin with `prefix`, or contain `pattern` as it is written, by name.

    Raises InvalidParameterException where both are given.
    """
    if prefix and pattern:
        raise InvalidParameterException(
            "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."
        )
    return [
        group
        for name, group in sorted(backend.groups.items())
        if name.startswith(prefix or "") and (pattern or "") in name
    ]


def describe_group(group: LogGroup, filter_count: int) -> api.LogGroup:
    """Return what DescribeLogGroups tells of a group; `filter_count` is the number of its metric filters."""
    described = api.LogGroup(
        arn=f"{group.arn}:*",
        logGroupArn=group.arn,
        logGroupClass=api.LogGroupClass.STANDARD,
        creationTime=group.creation_time,
        logGroupName=group.name,
        metricFilterCount=filter_count,
        storedBytes=sum(each.stored_bytes for each in list(group.streams.values())),
    )
    if group.retention_in_days:
        described["retentionInDays"] = int(group.retention_in_days)
    if group.kms_key_id:
        described["kmsKeyId"] = group.kms_key_id
    return described


def stream_of(group: LogGroup, name: str) -> LogStream:
    """Return a stream of a group; raises ResourceNotFoundException where there is none."""
    stream = group.streams.get(name)
    if stream is None:
        raise ResourceNotFoundException(NO_STREAM)
    return stream


def checked_pattern(text: str, prefix: str) -> FilterPattern:
    """Compile a pattern; raises InvalidParameterException, its message beginning with `prefix`."""
    try:
        return parse(text)
    except InvalidPatternError as error:
        raise InvalidParameterException(f"{prefix}: {error}") from None


def metric_filters_of(backend: LogsBackend, group: str) -> list[dict[str, Any]]:
    """Return the metric filters of a group."""
    return [each for each in backend.filters.metric_filters if each["logGroupName"] == group]


def check_room(
    others: Sequence[str], limit: int, backend: LogsBackend, group: LogGroup, added: FilterPattern, name: str
) -> None:
    """Refuse a filter beside `others` of its kind, where it is one too many, or one regex pattern too many.

    Raises:
        LimitExceededException: It is.
    """
    if len(others) >= limit:
        raise LimitExceededException("Resource limit exceeded.")
    patterns = [
        each["filterPattern"] for each in metric_filters_of(backend, group.name) if each["filterName"] != name
    ]
    patterns += [
        each.filter_pattern for each in list(group.subscription_filters.values()) if each.name != name
    ]
    if (
        added.regex_count
        and sum(bool(parse(text or "").regex_count) for text in patterns) >= MAX_REGEX_FILTERS_OF_GROUP
    ):
        raise LimitExceededException("Resource limit exceeded.")


def page_of[Item](
    items: Sequence[Item], name_of: Callable[[Item], str], token: str | None, limit: int | None
) -> tuple[list[Item], str | None]:
    """Return a page of items that are in the order of their names, and the token of the next."""
    limit = limit or PAGE
    rest = [item for item in items if token is None or name_of(item) > token]
    page = rest[:limit]
    return page, name_of(page[-1]) if len(rest) > limit else None
