"""LocalStack's CloudWatch Logs with filters that filter, and subscriptions apart from PutLogEvents.

LocalStack's matcher is always true, it calls a subscription's destination inside PutLogEvents, and creating
a stream in a group with a subscription fails. What isn't here is LocalStack's or moto's.
"""

import time
from collections.abc import Sequence
from typing import Any, cast

from localstack.aws.api import RequestContext, handler
from localstack.aws.api import logs as api
from localstack.services.logs.models import logs_stores
from localstack.services.logs.provider import LogsProvider
from localstack.utils.aws import arns
from moto.logs.models import LogGroup, LogStream, SubscriptionFilter

from serverless_harness.emulator.coverage.errors import not_emulated
from serverless_harness.emulator.logs import ingestion, metric_filters
from serverless_harness.emulator.logs.forwarding import Batch, Forwarder, Subscription
from serverless_harness.emulator.logs.groups import (
    backend_of,
    check_filter_name,
    check_room,
    checked_pattern,
    group_of,
    metric_filters_of,
    page_of,
    stream_of,
)
from serverless_harness.emulator.logs.insights import InsightsQuery
from serverless_harness.emulator.logs.metric_filters import MetricFilter
from serverless_harness.emulator.logs.patterns import parse
from serverless_harness.emulator.logs.search import MAX_EVENTS, Search
from serverless_harness.emulator.logs.subscriptions import MAX_FILTERS_OF_GROUP, Destination, Source

INVALID_PATTERN = "Invalid filter pattern"
INVALID_METRIC_PATTERN = "Invalid metric filter pattern"
MAX_TEST_MESSAGES = 50


def now_ms() -> int:
    """Return the time in milliseconds."""
    return time.time_ns() // 1_000_000


class FilteringLogsProvider(LogsProvider):
    """CloudWatch Logs."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.forwarder = Forwarder()
        self._metric_filters: dict[tuple[str, ...], MetricFilter] = {}
        """Those at work, by account, region, group, name and definition."""

    def create_log_stream(
        self,
        context: RequestContext,
        log_group_name: api.LogGroupName,
        log_stream_name: api.LogStreamName,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        """Create a stream; LocalStack's way fails in a group with a subscription."""
        group = group_of(context, log_group_name)
        if log_stream_name in group.streams:
            raise api.ResourceAlreadyExistsException("The specified log stream already exists")
        group.streams[log_stream_name] = LogStream(group, log_stream_name)

    def delete_log_group(
        self,
        context: RequestContext,
        log_group_name: api.LogGroupName,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        """Delete a group with all that belongs to it."""
        group = group_of(context, log_group_name)
        backend = backend_of(context)
        backend.delete_log_group(group.name)
        kept = [each for each in backend.filters.metric_filters if each["logGroupName"] != group.name]
        backend.filters.metric_filters[:] = kept
        logs_stores[context.account_id][context.region].TAGS.pop(_tag_key(group), None)

    def put_log_events(
        self,
        context: RequestContext,
        log_group_name: api.LogGroupName,
        log_stream_name: api.LogStreamName,
        log_events: api.InputLogEvents,
        sequence_token: api.SequenceToken | None = None,
        entity: api.Entity | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> api.PutLogEventsResponse:
        """Store events, and leave them to the group's filters."""
        group = group_of(context, log_group_name)
        stream = stream_of(group, log_stream_name)
        at_ms = now_ms()
        retention_days = int(group.retention_in_days) if group.retention_in_days else None
        accepted = ingestion.accept(log_events, at_ms, retention_days)
        stored = ingestion.store(stream, accepted.events, at_ms)
        metrics = self._metric_filters_of(context, group)
        subscriptions = [
            Subscription(each.name, parse(each.filter_pattern or ""), _destination(context, group, each))
            for each in list(group.subscription_filters.values())
        ]
        if stored and (metrics or subscriptions):
            source = Source(context.account_id, context.region, group.name, log_stream_name)
            self.forwarder.accept(Batch(source, stored, metrics, subscriptions))
        response = api.PutLogEventsResponse(nextSequenceToken=f"{stream.upload_sequence_token:056d}")
        if accepted.rejected:
            response["rejectedLogEventsInfo"] = accepted.rejected
        return response

    def filter_log_events(
        self,
        context: RequestContext,
        log_group_name: api.LogGroupName | None = None,
        log_group_identifier: api.LogGroupIdentifier | None = None,
        log_stream_names: api.InputLogStreamNames | None = None,
        log_stream_name_prefix: api.LogStreamName | None = None,
        start_time: api.Timestamp | None = None,
        end_time: api.Timestamp | None = None,
        filter_pattern: api.FilterPattern | None = None,
        next_token: api.NextToken | None = None,
        limit: api.EventsLimit | None = None,
        interleaved: api.Interleaved | None = None,
        unmask: api.Unmask | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> api.FilterLogEventsResponse:
        """Find events."""
        if log_stream_names and log_stream_name_prefix:
            raise api.InvalidParameterException(
                "logStreamNames and logStreamNamePrefix are mutually exclusive parameters."
            )
        if limit is not None and not 1 <= limit <= MAX_EVENTS:
            raise api.InvalidParameterException(
                f"1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: "
                f"Member must have value less than or equal to {MAX_EVENTS}"
            )
        pattern = checked_pattern(filter_pattern or "", INVALID_PATTERN)
        group = group_of(context, log_group_name, log_group_identifier)
        if log_stream_names:
            streams = [stream_of(group, name) for name in log_stream_names]
        else:
            prefix = log_stream_name_prefix or ""
            streams = [each for name, each in list(group.streams.items()) if name.startswith(prefix)]
        return Search(pattern, start_time, end_time, limit or MAX_EVENTS).page(streams, next_token)

    @handler("DescribeLogGroups", expand=False)
    def describe_log_groups(  # type: ignore[override]
        self, context: RequestContext, request: api.DescribeLogGroupsRequest
    ) -> api.DescribeLogGroupsResponse:
        """List groups, in pages, with the number of their metric filters."""
        found = super().describe_log_groups(context, request)["logGroups"] or []
        page, token = page_of(
            found, lambda group: str(group["logGroupName"]), request.get("nextToken"), request.get("limit")
        )
        for group in page:
            filters = metric_filters_of(backend_of(context), str(group["logGroupName"]))
            group["metricFilterCount"] = len(filters)
        response = api.DescribeLogGroupsResponse(logGroups=page)
        if token:
            response["nextToken"] = token
        return response

    def put_metric_filter(
        self,
        context: RequestContext,
        log_group_name: api.LogGroupName,
        filter_name: api.FilterName,
        filter_pattern: api.FilterPattern,
        metric_transformations: api.MetricTransformations,
        apply_on_transformed_logs: api.ApplyOnTransformedLogs | None = None,
        field_selection_criteria: api.FieldSelectionCriteria | None = None,
        emit_system_field_dimensions: api.EmitSystemFields | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        """Create or replace a metric filter."""
        group = group_of(context, log_group_name)
        check_filter_name(filter_name)
        _refuse(
            fieldSelectionCriteria=field_selection_criteria,
            emitSystemFieldDimensions=emit_system_field_dimensions,
        )
        pattern = checked_pattern(filter_pattern, INVALID_METRIC_PATTERN)
        metric_filters.check_transformations(pattern, metric_transformations)
        backend = backend_of(context)
        others = [
            each for each in metric_filters_of(backend, group.name) if each["filterName"] != filter_name
        ]
        check_room(
            [each["filterName"] for each in others],
            metric_filters.MAX_FILTERS_OF_GROUP,
            backend,
            group,
            pattern,
            filter_name,
        )
        backend.filters.delete_filter(filter_name, group.name)
        definition = {
            "filterName": filter_name,
            "filterPattern": filter_pattern,
            "logGroupName": group.name,
            "metricTransformations": [_with_defaults(each) for each in metric_transformations],
            "applyOnTransformedLogs": bool(apply_on_transformed_logs),
            "creationTime": now_ms(),
        }
        backend.filters.metric_filters.append(definition)

    def describe_metric_filters(
        self,
        context: RequestContext,
        log_group_name: api.LogGroupName | None = None,
        filter_name_prefix: api.FilterName | None = None,
        next_token: api.NextToken | None = None,
        limit: api.DescribeLimit | None = None,
        metric_name: api.MetricName | None = None,
        metric_namespace: api.MetricNamespace | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> api.DescribeMetricFiltersResponse:
        """List metric filters."""
        if (metric_name is None) != (metric_namespace is None):
            raise api.InvalidParameterException(
                "metricName and metricNamespace must be specified together, or not at all."
            )
        backend = backend_of(context)
        if log_group_name is not None:
            group_of(context, log_group_name)
        found = backend.describe_metric_filters(
            filter_name_prefix, log_group_name, metric_name, metric_namespace
        )

        def key(definition: dict[str, Any]) -> str:
            return f"{definition['filterName']}:{definition['logGroupName']}"

        page, token = page_of(sorted(found, key=key), key, next_token, limit)
        response = api.DescribeMetricFiltersResponse(metricFilters=page)  # type: ignore[typeddict-item]
        if token:
            response["nextToken"] = token
        return response

    def delete_metric_filter(
        self,
        context: RequestContext,
        log_group_name: api.LogGroupName,
        filter_name: api.FilterName,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        """Delete a metric filter."""
        group = group_of(context, log_group_name)
        backend = backend_of(context)
        if not any(each["filterName"] == filter_name for each in metric_filters_of(backend, group.name)):
            raise api.ResourceNotFoundException("The specified metric filter does not exist.")
        backend.filters.delete_filter(filter_name, group.name)

    def test_metric_filter(
        self,
        context: RequestContext,
        filter_pattern: api.FilterPattern,
        log_event_messages: api.TestEventMessages,
        **kwargs: Any,  # noqa: ANN401
    ) -> api.TestMetricFilterResponse:
        """Say which messages match, and what is extracted from them."""
        pattern = checked_pattern(filter_pattern, INVALID_METRIC_PATTERN)
        if not 1 <= len(log_event_messages) <= MAX_TEST_MESSAGES:
            raise api.InvalidParameterException(
                "1 validation error detected: Value at 'logEventMessages' failed to satisfy constraint: "
                f"Member must have length between 1 and {MAX_TEST_MESSAGES}"
            )
        matches: list[api.MetricFilterMatchRecord] = []
        for number, message in enumerate(log_event_messages):
            extracted = pattern.match(message)
            if extracted is not None:
                matches.append(
                    api.MetricFilterMatchRecord(
                        eventNumber=number, eventMessage=message, extractedValues=dict(extracted)
                    )
                )
        return api.TestMetricFilterResponse(matches=matches)

    def put_subscription_filter(
        self,
        context: RequestContext,
        log_group_name: api.LogGroupName,
        filter_name: api.FilterName,
        filter_pattern: api.FilterPattern,
        destination_arn: api.DestinationArn,
        role_arn: api.RoleArn | None = None,
        distribution: api.Distribution | None = None,
        apply_on_transformed_logs: api.ApplyOnTransformedLogs | None = None,
        field_selection_criteria: api.FieldSelectionCriteria | None = None,
        emit_system_fields: api.EmitSystemFields | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        """Create or replace a subscription filter, after trying its destination."""
        group = group_of(context, log_group_name)
        check_filter_name(filter_name)
        _refuse(fieldSelectionCriteria=field_selection_criteria, emitSystemFields=emit_system_fields)
        pattern = checked_pattern(filter_pattern, INVALID_PATTERN)
        others = [name for name in list(group.subscription_filters) if name != filter_name]
        check_room(others, MAX_FILTERS_OF_GROUP, backend_of(context), group, pattern, filter_name)
        subscription: Any = SubscriptionFilter(
            filter_name, group.name, filter_pattern, destination_arn, role_arn or ""
        )
        subscription.distribution = distribution or api.Distribution.ByLogStream
        _destination(context, group, subscription).check()
        group.subscription_filters[filter_name] = subscription

    def describe_subscription_filters(
        self,
        context: RequestContext,
        log_group_name: api.LogGroupName,
        filter_name_prefix: api.FilterName | None = None,
        next_token: api.NextToken | None = None,
        limit: api.DescribeLimit | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> api.DescribeSubscriptionFiltersResponse:
        """List a group's subscription filters."""
        group = group_of(context, log_group_name)
        found = [
            each
            for name, each in sorted(group.subscription_filters.items())
            if name.startswith(filter_name_prefix or "")
        ]
        page, token = page_of(found, lambda each: str(each.name), next_token, limit)
        described: list[Any] = [_described(each) for each in page]
        response = api.DescribeSubscriptionFiltersResponse(subscriptionFilters=described)
        if token:
            response["nextToken"] = token
        return response

    def start_query(
        self,
        context: RequestContext,
        start_time: api.Timestamp,
        end_time: api.Timestamp,
        query_string: api.QueryString,
        query_language: api.QueryLanguage | None = None,
        log_group_name: api.LogGroupName | None = None,
        log_group_names: api.LogGroupNames | None = None,
        log_group_identifiers: api.LogGroupIdentifiers | None = None,
        limit: api.EventsLimit | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> api.StartQueryResponse:
        """Run a query of Logs Insights; its results are there at once."""
        if query_language not in (None, api.QueryLanguage.CWLI):
            raise not_emulated(f"the query language {query_language} is not emulated")
        names = [log_group_name] if log_group_name else log_group_names or []
        groups = [group_of(context, name) for name in names]
        groups += [group_of(context, None, identifier) for identifier in log_group_identifiers or []]
        if not groups or (names and log_group_identifiers) or (log_group_name and log_group_names):
            raise api.InvalidParameterException(
                "Exactly one of logGroupName, logGroupNames and logGroupIdentifiers must be specified."
            )
        if end_time < start_time:
            raise api.InvalidParameterException("End time should not be before start time.")
        query = InsightsQuery(query_string, groups, start_time, end_time, limit)
        backend_of(context).queries[query.query_id] = query
        return api.StartQueryResponse(queryId=query.query_id)

    def get_query_results(
        self,
        context: RequestContext,
        query_id: api.QueryId,
        **kwargs: Any,  # noqa: ANN401
    ) -> api.GetQueryResultsResponse:
        """Return a query's results."""
        query = backend_of(context).queries.get(query_id)
        if query is None:
            raise api.ResourceNotFoundException("The specified query does not exist.")
        return cast(api.GetQueryResultsResponse, query.to_result_json())

    def start_live_tail(
        self,
        context: RequestContext,
        log_group_identifiers: api.StartLiveTailLogGroupIdentifiers,
        log_stream_names: api.InputLogStreamNames | None = None,
        log_stream_name_prefixes: api.InputLogStreamNames | None = None,
        log_event_filter_pattern: api.FilterPattern | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> api.StartLiveTailResponse:
        """Refuse it."""
        raise not_emulated("StartLiveTail is not emulated; use FilterLogEvents")

    def tag_resource(
        self,
        context: RequestContext,
        resource_arn: api.AmazonResourceName,
        tags: api.Tags,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        """Tag a group; LocalStack forgets the tags of one that had none."""
        logs_stores[context.account_id][context.region].TAGS.setdefault(resource_arn, {})
        super().tag_resource(context, resource_arn, tags, **kwargs)

    def tag_log_group(
        self,
        context: RequestContext,
        log_group_name: api.LogGroupName,
        tags: api.Tags,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        """Tag a group; LocalStack forgets the tags of one that had none."""
        key = _tag_key(group_of(context, log_group_name))
        logs_stores[context.account_id][context.region].TAGS.setdefault(key, {})
        super().tag_log_group(context, log_group_name, tags, **kwargs)

    def _metric_filters_of(self, context: RequestContext, group: LogGroup) -> Sequence[MetricFilter]:
        at_work: list[MetricFilter] = []
        for definition in metric_filters_of(backend_of(context), group.name):
            name, text = definition["filterName"], definition["filterPattern"]
            [transformation] = definition["metricTransformations"]
            key = (context.account_id, context.region, group.name, name, text, repr(transformation))
            if key not in self._metric_filters:
                self._metric_filters[key] = MetricFilter(parse(text), transformation)
            at_work.append(self._metric_filters[key])
        return at_work


def _refuse(**settings: object) -> None:
    for name, value in settings.items():
        if value:
            raise not_emulated(f"{name} of a log filter is not emulated")


def _tag_key(group: LogGroup) -> str:
    return str(arns.log_group_arn(group.name, group.account_id, group.region))


def _with_defaults(transformation: api.MetricTransformation) -> dict[str, Any]:
    kept = {name: value for name, value in transformation.items() if value is not None}
    return {**kept, "unit": transformation.get("unit") or "None"}


def _destination(context: RequestContext, group: LogGroup, subscription: Any) -> Destination:  # noqa: ANN401
    return Destination(
        arn=subscription.destination_arn,
        role_arn=subscription.role_arn or None,
        source=Source(context.account_id, context.region, group.name),
        is_random=_distribution(subscription) == api.Distribution.Random,
    )


def _distribution(subscription: SubscriptionFilter) -> str:
    return str(vars(subscription).get("distribution", api.Distribution.ByLogStream))


def _described(subscription: SubscriptionFilter) -> dict[str, Any]:
    described = subscription.to_json() | {"distribution": _distribution(subscription)}
    if not described["roleArn"]:
        del described["roleArn"]
    return described
