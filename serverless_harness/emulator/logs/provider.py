"""LocalStack's CloudWatch Logs with filters that filter, and subscriptions apart from PutLogEvents.

LocalStack's matcher is always true, it calls a subscription's destination inside PutLogEvents, and creating
a stream in a group with a subscription fails. What isn't here is LocalStack's or moto's.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any, cast

from localstack.aws.api import RequestContext, handler
from localstack.aws.api import logs as api
from localstack.services.logs.models import logs_stores
from localstack.services.logs.provider import LogsProvider
from localstack.utils.aws import arns
from moto.logs.models import LogGroup, LogStream, SubscriptionFilter

from serverless_harness.emulator.coverage.errors import not_emulated
from serverless_harness.emulator.logs import ingestion, metric_filters
from serverless_harness.emulator.logs.filter_queue import Batch, Forwarder, Subscription
from serverless_harness.emulator.logs.groups import (
    backend_of,
    check_room,
    checked_pattern,
    describe_group,
    find_groups,
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

    @handler("CreateLogStream", expand=False)
    def create_log_stream(self, context: RequestContext, request: api.CreateLogStreamRequest) -> None:  # type: ignore[override]
        """Create a stream; LocalStack's way fails in a group with a subscription."""
        group, name = group_of(context, request["logGroupName"]), request["logStreamName"]
        if name in group.streams:
            raise api.ResourceAlreadyExistsException("The specified log stream already exists")
        group.streams[name] = LogStream(group, name)

    @handler("DeleteLogGroup", expand=False)
    def delete_log_group(self, context: RequestContext, request: api.DeleteLogGroupRequest) -> None:  # type: ignore[override]
        """Delete a group with all that belongs to it."""
        group = group_of(context, request["logGroupName"])
        backend = backend_of(context)
        backend.delete_log_group(group.name)
        kept = [each for each in backend.filters.metric_filters if each["logGroupName"] != group.name]
        backend.filters.metric_filters[:] = kept
        logs_stores[context.account_id][context.region].TAGS.pop(_tag_key(group), None)

    @handler("PutLogEvents", expand=False)
    def put_log_events(  # type: ignore[override]
        self, context: RequestContext, request: api.PutLogEventsRequest
    ) -> api.PutLogEventsResponse:
        """Store events, and leave them to the group's filters."""
        group = group_of(context, request["logGroupName"])
        stream = stream_of(group, request["logStreamName"])
        at_ms = now_ms()
        retention_days = int(group.retention_in_days) if group.retention_in_days else None
        accepted = ingestion.accept(request["logEvents"], at_ms, retention_days)
        stored = ingestion.store(stream, accepted.events, at_ms)
        metrics = self._metric_filters_of(context, group)
        subscriptions = [
            Subscription(each.name, parse(each.filter_pattern or ""), _destination(context, group, each))
            for each in list(group.subscription_filters.values())
        ]
        if stored and (metrics or subscriptions):
            source = Source(context.account_id, context.region, group.name, request["logStreamName"])
            self.forwarder.accept(Batch(source, stored, metrics, subscriptions))
        response = api.PutLogEventsResponse(nextSequenceToken=f"{stream.upload_sequence_token:056d}")
        if accepted.rejected:
            response["rejectedLogEventsInfo"] = accepted.rejected
        return response

    @handler("FilterLogEvents", expand=False)
    def filter_log_events(  # type: ignore[override]
        self, context: RequestContext, request: api.FilterLogEventsRequest
    ) -> api.FilterLogEventsResponse:
        """Find events."""
        names, prefix = request.get("logStreamNames"), request.get("logStreamNamePrefix") or ""
        if names and prefix:
            raise api.InvalidParameterException(
                "logStreamNames and logStreamNamePrefix are mutually exclusive parameters."
            )
        pattern = checked_pattern(request.get("filterPattern") or "", INVALID_PATTERN)
        group = group_of(context, request.get("logGroupName"), request.get("logGroupIdentifier"))
        streams = (
            [stream_of(group, name) for name in names]
            if names
            else [each for name, each in list(group.streams.items()) if name.startswith(prefix)]
        )
        search = Search(
            pattern, request.get("startTime"), request.get("endTime"), request.get("limit") or MAX_EVENTS
        )
        return search.page(streams, request.get("nextToken"))

    @handler("DescribeLogGroups", expand=False)
    def describe_log_groups(  # type: ignore[override]
        self, context: RequestContext, request: api.DescribeLogGroupsRequest
    ) -> api.DescribeLogGroupsResponse:
        """List groups, in pages. LocalStack's own way copies all events of all groups for that, twice."""
        backend = backend_of(context)
        found = find_groups(backend, request.get("logGroupNamePrefix"), request.get("logGroupNamePattern"))
        page, token = page_of(
            found, lambda group: str(group.name), request.get("nextToken"), request.get("limit")
        )
        response = api.DescribeLogGroupsResponse(
            logGroups=[describe_group(group, len(metric_filters_of(backend, group.name))) for group in page]
        )
        return _page(response, token)

    @handler("PutMetricFilter", expand=False)
    def put_metric_filter(self, context: RequestContext, request: api.PutMetricFilterRequest) -> None:  # type: ignore[override]
        """Create or replace a metric filter."""
        group, filter_name = group_of(context, request["logGroupName"]), request["filterName"]
        filter_pattern, transformations = request["filterPattern"], request["metricTransformations"]
        _refuse(request, "fieldSelectionCriteria", "emitSystemFieldDimensions")
        pattern = checked_pattern(filter_pattern, INVALID_METRIC_PATTERN)
        metric_filters.check_transformations(pattern, transformations)
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
            "metricTransformations": [_with_defaults(each) for each in transformations],
            "applyOnTransformedLogs": bool(request.get("applyOnTransformedLogs")),
            "creationTime": now_ms(),
        }
        backend.filters.metric_filters.append(definition)

    @handler("DescribeMetricFilters", expand=False)
    def describe_metric_filters(  # type: ignore[override]
        self, context: RequestContext, request: api.DescribeMetricFiltersRequest
    ) -> api.DescribeMetricFiltersResponse:
        """List metric filters."""
        group_name, metric_name = request.get("logGroupName"), request.get("metricName")
        namespace = request.get("metricNamespace")
        if (metric_name is None) != (namespace is None):
            raise api.InvalidParameterException(
                "metricName and metricNamespace must be specified together, or not at all."
            )
        if group_name is not None:
            group_of(context, group_name)
        found = backend_of(context).describe_metric_filters(
            request.get("filterNamePrefix"), group_name, metric_name, namespace
        )

        def key(definition: dict[str, Any]) -> str:
            return f"{definition['filterName']}:{definition['logGroupName']}"

        page, token = page_of(sorted(found, key=key), key, request.get("nextToken"), request.get("limit"))
        filters: Any = page
        return _page(api.DescribeMetricFiltersResponse(metricFilters=filters), token)

    @handler("DeleteMetricFilter", expand=False)
    def delete_metric_filter(self, context: RequestContext, request: api.DeleteMetricFilterRequest) -> None:  # type: ignore[override]
        """Delete a metric filter."""
        group, name = group_of(context, request["logGroupName"]), request["filterName"]
        backend = backend_of(context)
        if not any(each["filterName"] == name for each in metric_filters_of(backend, group.name)):
            raise api.ResourceNotFoundException("The specified metric filter does not exist.")
        backend.filters.delete_filter(name, group.name)

    @handler("TestMetricFilter", expand=False)
    def test_metric_filter(  # type: ignore[override]
        self, context: RequestContext, request: api.TestMetricFilterRequest
    ) -> api.TestMetricFilterResponse:
        """Say which messages match, and what is extracted from them."""
        pattern = checked_pattern(request["filterPattern"], INVALID_METRIC_PATTERN)
        matches = [
            api.MetricFilterMatchRecord(
                eventNumber=number, eventMessage=message, extractedValues=dict(extracted)
            )
            for number, message in enumerate(request["logEventMessages"])
            if (extracted := pattern.match(message)) is not None
        ]
        return api.TestMetricFilterResponse(matches=matches)

    @handler("PutSubscriptionFilter", expand=False)
    def put_subscription_filter(  # type: ignore[override]
        self, context: RequestContext, request: api.PutSubscriptionFilterRequest
    ) -> None:
        """Create or replace a subscription filter, after trying its destination."""
        group, filter_name = group_of(context, request["logGroupName"]), request["filterName"]
        _refuse(request, "fieldSelectionCriteria", "emitSystemFields")
        filter_pattern = request["filterPattern"]
        pattern = checked_pattern(filter_pattern, INVALID_PATTERN)
        others = [name for name in list(group.subscription_filters) if name != filter_name]
        check_room(others, MAX_FILTERS_OF_GROUP, backend_of(context), group, pattern, filter_name)
        subscription: Any = SubscriptionFilter(
            filter_name, group.name, filter_pattern, request["destinationArn"], request.get("roleArn") or ""
        )
        subscription.distribution = request.get("distribution") or api.Distribution.ByLogStream
        _destination(context, group, subscription).check()
        group.subscription_filters[filter_name] = subscription

    @handler("DescribeSubscriptionFilters", expand=False)
    def describe_subscription_filters(  # type: ignore[override]
        self, context: RequestContext, request: api.DescribeSubscriptionFiltersRequest
    ) -> api.DescribeSubscriptionFiltersResponse:
        """List a group's subscription filters."""
        group = group_of(context, request["logGroupName"])
        prefix = request.get("filterNamePrefix") or ""
        found = [each for name, each in sorted(group.subscription_filters.items()) if name.startswith(prefix)]
        page, token = page_of(
            found, lambda each: str(each.name), request.get("nextToken"), request.get("limit")
        )
        described: list[Any] = [_described(each) for each in page]
        return _page(api.DescribeSubscriptionFiltersResponse(subscriptionFilters=described), token)

    @handler("StartQuery", expand=False)
    def start_query(  # type: ignore[override]
        self, context: RequestContext, request: api.StartQueryRequest
    ) -> api.StartQueryResponse:
        """Run a query of Logs Insights; its results are there at once."""
        query_language = request.get("queryLanguage")
        if query_language not in (None, api.QueryLanguage.CWLI):
            raise not_emulated(f"the query language {query_language} is not emulated")
        name, names = request.get("logGroupName"), request.get("logGroupNames")
        identifiers = request.get("logGroupIdentifiers") or []
        groups = [group_of(context, each) for each in ([name] if name else names or [])]
        if not (groups or identifiers) or (groups and identifiers) or (name and names):
            raise api.InvalidParameterException(
                "Exactly one of logGroupName, logGroupNames and logGroupIdentifiers must be specified."
            )
        groups += [group_of(context, None, identifier) for identifier in identifiers]
        start_s, end_s = request["startTime"], request["endTime"]
        if end_s < start_s:
            raise api.InvalidParameterException("End time should not be before start time.")
        query = InsightsQuery(request["queryString"], groups, start_s, end_s, request.get("limit"))
        backend_of(context).queries[query.query_id] = query
        return api.StartQueryResponse(queryId=query.query_id)

    @handler("GetQueryResults", expand=False)
    def get_query_results(  # type: ignore[override]
        self, context: RequestContext, request: api.GetQueryResultsRequest
    ) -> api.GetQueryResultsResponse:
        """Return a query's results."""
        query = backend_of(context).queries.get(request["queryId"])
        if query is None:
            raise api.ResourceNotFoundException("The specified query does not exist.")
        return cast(api.GetQueryResultsResponse, query.to_result_json())

    @handler("StartLiveTail", expand=False)
    def start_live_tail(  # type: ignore[override]
        self, context: RequestContext, request: api.StartLiveTailRequest
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


def _refuse(request: Mapping[str, Any], *names: str) -> None:
    for name in names:
        if request.get(name):
            raise not_emulated(f"{name} of a log filter is not emulated")


def _page[Response: Any](response: Response, token: str | None) -> Response:
    """Add the token of the next page, if there is one."""
    if token:
        response["nextToken"] = token
    return response


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
