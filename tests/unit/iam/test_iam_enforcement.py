"""The handler: who is held to what, with moto's and LocalStack's stores behind it."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from iam_requests import (
    ACCOUNT,
    REGION,
    Session,
    arn,
    authorization,
    new_session,
    request_context,
    reset_stores,
)
from localstack.aws.api import CommonServiceException, RequestContext
from localstack.http import Request
from localstack.services.sns.models import sns_stores
from localstack.services.sns.utils import create_default_topic_policy
from moto.iam.models import iam_backends
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest

from serverless_harness.emulator.authorization import Errand
from serverless_harness.emulator.gateway import internal_calls
from serverless_harness.emulator.gateway.query_signatures import TakeSignatureFromQuery
from serverless_harness.emulator.iam import callers, decision_cache
from serverless_harness.emulator.iam.decision_point import DecisionPoint
from serverless_harness.emulator.iam.decision_records import DecisionLog
from serverless_harness.emulator.iam.enforcement import IamEnforcer
from serverless_harness.emulator.iam.errands import Errands
from serverless_harness.emulator.iam.evaluation import evaluate
from serverless_harness.emulator.iam.mode import DEFAULT_MODE, Mode, mode_from_environment
from serverless_harness.emulator.iam.routes import DecisionsResource
from serverless_harness.emulator.iam.session_policies import KeepSessionPolicies
from serverless_harness.emulator.settings import InvalidSettingError

TOPIC = arn("sns", "orders")
PUBLISH = {"TopicArn": TOPIC, "Message": "m"}
MAY_PUBLISH = {"Action": "sns:Publish", "Resource": TOPIC}
ALL = {"Action": "*", "Resource": "*"}


@pytest.fixture(autouse=True)
def stores() -> Iterator[None]:
    """Start each test with no role and one topic, which has AWS's default policy."""
    reset_stores()
    sns_stores.reset()
    set_topic_policy(create_default_topic_policy(TOPIC))
    yield
    sns_stores.reset()


def set_topic_policy(policy: str) -> None:
    topic = {"arn": TOPIC, "name": "orders", "attributes": {"Policy": policy}, "subscriptions": []}
    sns_stores[ACCOUNT][REGION].topics[TOPIC] = topic


class Gateway:
    """An enforcer, and the decisions that it counted."""

    def __init__(self, mode: Mode = Mode.ON) -> None:
        self.log = DecisionLog()
        self.decision_point = DecisionPoint(mode, self.log)
        self.enforcer = IamEnforcer(self.decision_point)

    def send(self, context: RequestContext) -> None:
        internal_calls.read_header(context)
        self.enforcer(None, context, None)

    def publish(self, headers: dict[str, str], **parameters: str) -> None:
        self.send(request_context("sns", "Publish", PUBLISH | parameters, headers))

    def refusal(self, context: RequestContext) -> CommonServiceException:
        with pytest.raises(CommonServiceException) as refused:
            self.send(context)
        return refused.value

    def refusal_of_publish(self, headers: dict[str, str]) -> CommonServiceException:
        return self.refusal(request_context("sns", "Publish", PUBLISH, headers))

    @property
    def decisions(self) -> list[dict[str, Any]]:
        return self.log.to_json()["decisions"]


def managed_policy(name: str, *statements: dict[str, Any]) -> str:
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **each} for each in statements]}
    policy = iam_backends[ACCOUNT]["aws"].create_policy("", "/", json.dumps(document), name, [])
    return str(policy.arn)


# Role sessions


def test_a_role_without_policies_may_do_nothing() -> None:
    session = new_session()

    refusal = Gateway().refusal_of_publish(session.headers)

    assert refusal.code == "AuthorizationError"
    assert refusal.message == (
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/accept-role/accept is not authorized to perform: "
        f"SNS:Publish on resource: {TOPIC} because no identity-based policy allows the SNS:Publish action"
    )


def test_an_inline_policy_allows() -> None:
    session = new_session()
    session.allow(MAY_PUBLISH)

    Gateway().publish(session.headers)


def test_a_policy_taken_away_counts_at_once() -> None:
    session, gateway = new_session(), Gateway()
    session.allow(MAY_PUBLISH)
    gateway.publish(session.headers)

    del session.role.policies["policy"]

    assert gateway.refusal_of_publish(session.headers).code == "AuthorizationError"


def test_an_attached_policy_allows_by_its_default_version() -> None:
    session, gateway = new_session(), Gateway()
    backend = iam_backends[ACCOUNT]["aws"]
    policy_arn = managed_policy("shop", MAY_PUBLISH)
    backend.attach_role_policy(policy_arn, session.role.name)
    gateway.publish(session.headers)

    nothing = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}],
    }
    backend.create_policy_version(policy_arn, json.dumps(nothing), "true")

    assert gateway.refusal_of_publish(session.headers).code == "AuthorizationError"


def test_another_resource_is_denied() -> None:
    session = new_session()
    session.allow(MAY_PUBLISH | {"Resource": arn("sns", "other")})

    assert Gateway().refusal_of_publish(session.headers).code == "AuthorizationError"


def test_an_explicit_deny_wins() -> None:
    session = new_session()
    session.allow(ALL)
    session.allow({"Effect": "Deny", "Action": "sns:Publish", "Resource": "*"}, name="stop")

    refusal = Gateway().refusal_of_publish(session.headers)

    assert refusal.message.endswith("with an explicit deny in an identity-based policy")


def test_a_boundary_limits() -> None:
    session = new_session()
    session.allow(ALL)
    session.role.permissions_boundary_arn = managed_policy("boundary", {"Action": "sqs:*", "Resource": "*"})

    refusal = Gateway().refusal_of_publish(session.headers)

    assert refusal.message.endswith("because no permissions boundary allows the SNS:Publish action")


def test_a_boundary_that_was_deleted_allows_nothing() -> None:
    session = new_session()
    session.allow(ALL)
    session.role.permissions_boundary_arn = f"arn:aws:iam::{ACCOUNT}:policy/gone"

    assert "permissions boundary" in Gateway().refusal_of_publish(session.headers).message


def test_a_session_policy_limits() -> None:
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]}
    session = new_session(policy=json.dumps(policy))
    session.allow(ALL)

    refusal = Gateway().refusal_of_publish(session.headers)

    assert refusal.message.endswith("because no session policy allows the SNS:Publish action")


def test_a_managed_session_policy_limits() -> None:
    session = new_session()
    session.allow(ALL)
    policy_arn = managed_policy("narrow", {"Action": "sqs:*", "Resource": "*"})
    assuming = request_context("sts", "AssumeRole", {"PolicyArns": [{"arn": policy_arn}]}, {})
    assuming.service_response = {"Credentials": {"AccessKeyId": session.assumed.access_key_id}}

    KeepSessionPolicies()(None, assuming, None)

    assert "no session policy" in Gateway().refusal_of_publish(session.headers).message


def test_a_topic_policy_allows_a_role() -> None:
    session = new_session()
    statement = {"Effect": "Allow", "Principal": {"AWS": session.role.arn}, **MAY_PUBLISH}
    set_topic_policy(json.dumps({"Version": "2012-10-17", "Statement": [statement]}))

    Gateway().publish(session.headers)


def test_a_tag_of_the_role_is_a_principal_tag() -> None:
    session, gateway = new_session(), Gateway()
    condition = {"StringEquals": {"aws:PrincipalTag/team": "shop"}}
    session.allow(MAY_PUBLISH | {"Condition": condition})
    assert gateway.refusal_of_publish(session.headers)

    iam_backends[ACCOUNT]["aws"].tag_role(session.role.name, [{"Key": "Team", "Value": "shop"}])

    gateway.publish(session.headers)


GLOBAL_CONDITIONS = [
    ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, True),
    ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, False),
    ({"DateLessThan": {"aws:CurrentTime": "2000-01-01"}}, False),
    ({"DateGreaterThan": {"aws:EpochTime": "1000000000"}}, True),
    ({"StringEquals": {"aws:RequestedRegion": REGION}}, True),
    ({"StringEquals": {"aws:ResourceAccount": ACCOUNT}}, True),
    ({"StringEquals": {"aws:PrincipalType": "AssumedRole"}}, True),
    ({"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/*"}}, True),
    ({"Bool": {"aws:SecureTransport": "true"}}, True),
    ({"Bool": {"aws:PrincipalIsAWSService": "false"}}, True),
    ({"Null": {"aws:username": "true"}}, True),
    ({"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}, True),
    ({"StringEquals": {"kms:RequestAlias": "alias/x"}}, False),
    ({"StringNotEquals": {"kms:RequestAlias": "alias/x"}}, True),
]


@pytest.mark.parametrize(
    ("condition", "allowed"), GLOBAL_CONDITIONS, ids=[json.dumps(row[0]) for row in GLOBAL_CONDITIONS]
)
def test_a_condition_on_the_request(condition: dict[str, Any], allowed: bool) -> None:
    session, gateway = new_session(), Gateway()
    session.allow(MAY_PUBLISH | {"Condition": condition})

    if allowed:
        gateway.publish(session.headers)
    else:
        assert gateway.refusal_of_publish(session.headers).code == "AuthorizationError"


UNTOLD_CONDITIONS = [
    ("sns:Publish", {"StringNotEquals": {"aws:ResourceTag/team": "x"}}, "aws:resourcetag/team"),
    ("sns:Publish", {"Null": {"lambda:SourceFunctionArn": "true"}}, "lambda:sourcefunctionarn"),
    ("sns:Publish", {"StringNotEquals": {"aws:Unheard": "x"}}, "aws:unheard"),
]


@pytest.mark.parametrize(
    ("action", "condition", "key"), UNTOLD_CONDITIONS, ids=[row[2] for row in UNTOLD_CONDITIONS]
)
def test_a_condition_that_cannot_be_told_fails_closed(
    action: str, condition: dict[str, Any], key: str
) -> None:
    session, gateway = new_session(), Gateway()
    session.allow({"Action": action, "Resource": "*", "Condition": condition})

    refusal = gateway.refusal_of_publish(session.headers)

    assert f"a statement asks for {key}" in refusal.message
    assert gateway.decisions[0]["unsupported_keys"] == (key,)


@pytest.mark.parametrize(
    "rest",
    [
        {"Resource": arn("sns", "other")},
        {
            "Condition": {
                "Null": {"aws:Unheard": "true"},
                "StringEquals": {"aws:RequestedRegion": "eu-west-1"},
            }
        },
    ],
    ids=["resource", "condition"],
)
def test_a_deny_that_cannot_be_told_stays_within_its_resource_and_other_conditions(
    rest: dict[str, Any],
) -> None:
    session = new_session()
    session.allow(ALL)
    untold = {"Effect": "Deny", **MAY_PUBLISH, "Condition": {"Null": {"aws:Unheard": "true"}}}
    session.allow(untold | rest, name="stop")

    Gateway().publish(session.headers)

    session.allow(untold, name="stop")
    assert Gateway().refusal_of_publish(session.headers).code == "AuthorizationError"


def test_a_date_beyond_all_dates_is_refused_by_name() -> None:
    session = new_session()
    session.allow(ALL | {"Condition": {"DateLessThan": {"aws:CurrentTime": "9" * 30}}})

    assert "9" * 30 in Gateway().refusal_of_publish(session.headers).message


def test_a_policy_that_is_not_supported_is_refused_by_name() -> None:
    session, gateway = new_session(), Gateway()
    session.allow(ALL)
    session.role.policies["odd"] = '{"Version": "2012-10-17", "Statement": [{"Effect": "Maybe"}]}'

    refusal = gateway.refusal_of_publish(session.headers)

    assert "odd, statement 0: Effect must be Allow or Deny" in refusal.message
    assert gateway.decisions[0]["reason"] == "refused"


def errand_of(session: Session, mode: Mode) -> CommonServiceException | None:
    """Have Lambda publish to the topic in the name of a role."""
    errands = Errands(Gateway(mode).decision_point)
    errand = Errand("lambda:Invoke", "sns:Publish", TOPIC)
    return errands.denial_for_role(errand, session.role.arn, "accept")


def test_an_errand_is_held_to_the_policies_of_whose_it_is() -> None:
    session = new_session()
    denial = errand_of(session, Mode.ON)
    assert denial
    assert "not authorized to perform: SNS:Publish" in denial.message

    session.allow(MAY_PUBLISH)
    assert errand_of(session, Mode.ON) is None


def test_an_errand_under_a_policy_that_is_not_supported_is_refused_by_name_where_iam_is_enforced() -> None:
    session = new_session()
    session.role.policies["odd"] = '{"Version": "2012-10-17", "Statement": [{"Effect": "Maybe"}]}'

    refusal = errand_of(session, Mode.ON)

    assert refusal
    assert "odd, statement 0: Effect must be Allow or Deny" in refusal.message
    assert errand_of(session, Mode.SOFT) is None
    assert errand_of(session, Mode.OFF) is None


def test_a_call_of_any_service_is_decided_by_policies() -> None:
    session = new_session()
    context = request_context("ssm", "GetParameter", {"Name": "/app/key"}, session.headers)
    parameter = "arn:aws:ssm:us-east-1:000000000000:parameter/app/key"
    assert "not authorized to perform: ssm:GetParameter" in Gateway().refusal(context).message
    session.allow(ALL)
    Gateway().send(context)
    session.allow({"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": parameter})
    Gateway().send(context)
    session.allow({"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": f"{parameter}2"})
    assert parameter in Gateway().refusal(context).message


def test_what_cannot_be_told_is_recorded() -> None:
    session, gateway = new_session(), Gateway()
    session.allow(ALL)
    context = request_context("cloudformation", "DescribeStacks", {"StackName": "s"}, session.headers)

    gateway.send(context)

    [record] = gateway.decisions
    assert record["resource"] == "arn:aws:cloudformation:us-east-1:000000000000:stack/s/*"
    assert (record["allowed"], record["untold"]) == (True, True)


# Credentials


def test_the_deployer_is_unrestricted() -> None:
    gateway = Gateway()

    gateway.publish({"Authorization": authorization("test")})
    gateway.publish({"Authorization": authorization("000000000000")})

    assert gateway.decisions == []


def test_an_access_key_without_its_session_token_is_invalid() -> None:
    session = new_session()
    session.allow(ALL)
    headers = {"Authorization": session.headers["Authorization"]}

    assert Gateway().refusal_of_publish(headers).code == "InvalidClientTokenId"
    assert (
        Gateway().refusal_of_publish(headers | {"X-Amz-Security-Token": "x"}).code == "InvalidClientTokenId"
    )


def test_an_access_key_that_was_never_handed_out_is_invalid() -> None:
    headers = {"Authorization": authorization("LSIAQAAAAAAAAAAAAAAA"), "X-Amz-Security-Token": "x"}

    assert Gateway().refusal_of_publish(headers).code == "InvalidClientTokenId"


def test_a_session_is_forgotten_with_its_store() -> None:
    session, gateway = new_session(), Gateway()
    session.allow(ALL)
    gateway.publish(session.headers)
    headers = session.headers

    reset_stores()

    assert gateway.refusal_of_publish(headers).code == "InvalidClientTokenId"


def test_a_session_of_a_deleted_role_may_do_nothing() -> None:
    session = new_session()
    session.allow(ALL)
    iam_backends[ACCOUNT]["aws"].roles.clear()

    assert Gateway().refusal_of_publish(session.headers).code == "AuthorizationError"


def test_a_request_without_credentials_is_anonymous() -> None:
    gateway = Gateway()
    anonymous = {"Authorization": authorization(callers.ANONYMOUS_KEY)}
    assert gateway.refusal_of_publish(anonymous).code == "MissingAuthenticationToken"

    statement = {"Effect": "Allow", "Principal": "*", **MAY_PUBLISH}
    set_topic_policy(json.dumps({"Version": "2012-10-17", "Statement": [statement]}))

    gateway.publish(anonymous)


def test_a_user_is_held_to_its_own_and_its_groups_policies() -> None:
    backend, gateway = iam_backends[ACCOUNT]["aws"], Gateway()
    user = backend.create_user(REGION, "alice")
    key = backend.create_access_key("alice")
    headers = {"Authorization": authorization(key.access_key_id)}
    refusal = gateway.refusal_of_publish(headers)
    assert refusal.message.startswith(f"User: {user.arn} is not authorized")

    backend.create_group("staff")
    backend.put_group_policy(
        "staff",
        "may",
        json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **MAY_PUBLISH}]}),
    )
    backend.add_user_to_group("staff", "alice")

    gateway.publish(headers)


def new_user() -> tuple[Any, dict[str, str]]:
    """Make a user that may do everything, and what its requests carry."""
    backend = iam_backends[ACCOUNT]["aws"]
    user = backend.create_user(REGION, "alice")
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **ALL}]}
    user.policies["all"] = json.dumps(document)
    return user, {"Authorization": authorization(backend.create_access_key("alice").access_key_id)}


def test_a_boundary_limits_a_user() -> None:
    user, headers = new_user()
    user.permissions_boundary = managed_policy("boundary", {"Action": "sqs:*", "Resource": "*"})

    assert "no permissions boundary" in Gateway().refusal_of_publish(headers).message


def test_a_deactivated_access_key_is_invalid() -> None:
    user, headers = new_user()
    Gateway().publish(headers)
    user.access_keys[0].status = "Inactive"

    assert Gateway().refusal_of_publish(headers).code == "InvalidClientTokenId"


# LocalStack's own calls, and forged ones


def internal(service_principal: str | None, source_arn: str | None = None) -> dict[str, str]:
    parameters = {"service_principal": service_principal, "source_arn": source_arn}
    given = {name: value for name, value in parameters.items() if value}
    return {
        "Authorization": authorization(callers.INTERNAL_KEY),
        "x-localstack-data": internal_calls.sign(given),
    }


def test_localstacks_own_errands_are_unrestricted() -> None:
    Gateway().publish(internal(None))


def test_a_service_is_held_to_the_resource_policy() -> None:
    gateway = Gateway()
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Condition": {
            "ArnLike": {"aws:SourceArn": "arn:aws:s3:::shop"},
            "StringEquals": {"aws:SourceAccount": "000000000000"},
        },
        **MAY_PUBLISH,
    }
    set_topic_policy(json.dumps({"Version": "2012-10-17", "Statement": [statement]}))

    gateway.publish(internal("s3", "arn:aws:s3:::shop"))

    assert gateway.refusal_of_publish(internal("s3", "arn:aws:s3:::other")).code == "AuthorizationError"
    assert gateway.refusal_of_publish(internal("events", "arn:aws:s3:::shop")).code == "AuthorizationError"


def test_lambda_may_assume_only_a_role_that_trusts_it() -> None:
    session = new_session()
    context = request_context("sts", "AssumeRole", {"RoleArn": session.role.arn}, internal("lambda"))
    Gateway().send(context)

    session.role.assume_role_policy_document = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
            ],
        }
    )
    context = request_context("sts", "AssumeRole", {"RoleArn": session.role.arn}, internal("lambda"))

    assert Gateway().refusal(context).code == "AccessDenied"


FORGED_MARKS = ["{}", '{"service_principal": "sns"}', '{"token": "guess"}']


@pytest.mark.parametrize("mark", FORGED_MARKS)
def test_a_forged_mark_with_the_internal_key_is_invalid(mark: str) -> None:
    headers = {"Authorization": authorization(callers.INTERNAL_KEY), "x-localstack-data": mark}

    assert Gateway().refusal_of_publish(headers).code == "InvalidClientTokenId"


@pytest.mark.parametrize("mark", FORGED_MARKS)
def test_a_forged_mark_lends_a_role_nothing(mark: str) -> None:
    session = new_session()

    refusal = Gateway().refusal_of_publish(session.headers | {"x-localstack-data": mark})

    assert refusal.code == "AuthorizationError"


def test_the_url_of_a_functions_code_works_and_no_other_with_the_internal_key() -> None:
    headers = {"Authorization": authorization(callers.INTERNAL_KEY, "s3")}
    code = {"Bucket": f"awslambda-{REGION}-tasks", "Key": "snapshots/x"}
    presigned = request_context("s3", "GetObject", code, headers)
    presigned.request.args = MultiDict({"X-Amz-Signature": "0"})

    Gateway().send(presigned)

    unsigned = request_context("s3", "GetObject", code, headers)
    assert Gateway().refusal(unsigned).code == "InvalidAccessKeyId"
    shop = request_context("s3", "GetObject", code | {"Bucket": "shop"}, headers)
    assert Gateway().refusal(shop).code == "InvalidAccessKeyId"
    put = request_context("s3", "PutObject", code, headers)
    assert Gateway().refusal(put).code == "InvalidAccessKeyId"


# Modes and records


def test_soft_mode_lets_through_and_counts() -> None:
    session, gateway = new_session(), Gateway(Mode.SOFT)

    gateway.publish(session.headers)

    (decision,) = gateway.decisions
    assert (decision["allowed"], decision["enforced"]) == (False, False)


MODES = [("", DEFAULT_MODE), ("off", Mode.OFF), ("soft", Mode.SOFT), ("on", Mode.ON), (" ON ", Mode.ON)]


@pytest.mark.parametrize(("value", "mode"), MODES)
def test_the_mode_is_an_environment_variable(value: str, mode: Mode) -> None:
    assert mode_from_environment({"IAM_ENFORCEMENT": value}) is mode
    assert mode_from_environment({}) is DEFAULT_MODE


def test_off_decides_and_counts_nothing() -> None:
    gateway = Gateway(Mode.OFF)

    gateway.publish(new_session().headers)

    assert gateway.decisions == []


class TestRememberedDecision:
    """A decision is made anew where anything that it depends on is another."""

    def test_is_counted_each_time(self) -> None:
        session, gateway = new_session(), Gateway()
        session.allow(MAY_PUBLISH)

        for _ in range(3):
            gateway.publish(session.headers)

        assert [decision["count"] for decision in gateway.decisions] == [3]

    def test_ends_with_the_policy(self) -> None:
        session, gateway = new_session(), Gateway()
        session.allow(MAY_PUBLISH)
        gateway.publish(session.headers)

        session.allow(MAY_PUBLISH | {"Effect": "Deny"})
        assert gateway.refusal_of_publish(session.headers).code == "AuthorizationError"
        session.allow(MAY_PUBLISH)
        gateway.publish(session.headers)

    def test_ends_with_the_resource_policy(self) -> None:
        session, gateway = new_session(), Gateway()
        session.allow(MAY_PUBLISH)
        gateway.publish(session.headers)
        deny = {"Effect": "Deny", "Principal": "*", "Action": "sns:Publish", "Resource": "*"}

        set_topic_policy(json.dumps({"Version": "2012-10-17", "Statement": deny}))

        assert gateway.refusal_of_publish(session.headers).code == "AuthorizationError"

    def test_is_none_where_a_condition_asks_for_the_request(self) -> None:
        session, gateway = new_session(), Gateway()
        session.allow(MAY_PUBLISH | {"Condition": {"StringEquals": {"aws:UserAgent": "till"}}})

        for _ in range(2):
            gateway.publish(session.headers | {"User-Agent": "till"})
            assert gateway.refusal_of_publish(session.headers | {"User-Agent": "other"})

    def test_is_one_where_a_condition_asks_for_what_services_alone_bring(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As each topic's first policy does, by `aws:SourceOwner`."""
        session, gateway = new_session(), Gateway()
        session.allow(MAY_PUBLISH)
        anybody = {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "sns:Publish",
            "Resource": TOPIC,
            "Condition": {
                "StringEquals": {"AWS:SourceOwner": ACCOUNT},
                "Bool": {"aws:PrincipalIsAWSService": "true"},
            },
        }
        set_topic_policy(json.dumps({"Version": "2012-10-17", "Statement": anybody}))
        made: list[object] = []
        monkeypatch.setattr(decision_cache, "evaluate", lambda *asked: made.append(asked) or evaluate(*asked))

        for _ in range(3):
            gateway.publish(session.headers)

        assert len(made) == 1
        assert [decision["count"] for decision in gateway.decisions] == [3]

    def test_is_another_for_other_values_of_the_calls_keys(self) -> None:
        session, gateway = new_session(), Gateway()
        session.allow(
            {
                "Action": "sns:Subscribe",
                "Resource": TOPIC,
                "Condition": {"StringEquals": {"sns:Protocol": "sqs"}},
            }
        )

        def subscribe(protocol: str) -> RequestContext:
            return request_context(
                "sns", "Subscribe", {"TopicArn": TOPIC, "Protocol": protocol}, session.headers
            )

        for _ in range(2):
            gateway.send(subscribe("sqs"))
            assert gateway.refusal(subscribe("lambda")).code == "AuthorizationError"

    def test_is_another_for_another_source_of_a_service(self) -> None:
        gateway, rule = Gateway(), arn("events", "rule/a")
        allow = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sns:Publish",
            "Resource": TOPIC,
            "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
        }
        set_topic_policy(json.dumps({"Version": "2012-10-17", "Statement": allow}))

        def call(source_arn: str) -> RequestContext:
            mark = internal_calls.sign({"service_principal": "events", "source_arn": source_arn})
            headers = {"Authorization": authorization("__internal_call__"), "x-localstack-data": mark}
            return request_context("sns", "Publish", PUBLISH, headers)

        for _ in range(2):
            gateway.send(call(rule))
            assert gateway.refusal(call(arn("events", "rule/b"))).code == "AuthorizationError"


class TestResource:
    """The control endpoint."""

    def put(self, gateway: Gateway, body: str) -> dict[str, Any]:
        resource = DecisionsResource(gateway.decision_point)
        return resource.on_put(Request("PUT", "/_emulator/iam", body=body.encode()))

    @pytest.mark.parametrize("mode", list(Mode))
    def test_changes_the_mode(self, mode: Mode) -> None:
        gateway = Gateway(Mode.ON)

        assert self.put(gateway, json.dumps({"mode": mode.value})) == {"mode": mode.value}
        assert gateway.decision_point.mode is mode
        assert DecisionsResource(gateway.decision_point).on_get(None)["mode"] == mode.value

    @pytest.mark.parametrize("body", ["", "null", "[]", "{}", '{"mode": "ON"}', '{"mode": []}', "on"])
    def test_refuses_what_is_no_mode(self, body: str) -> None:
        gateway = Gateway(Mode.ON)

        with pytest.raises(BadRequest):
            self.put(gateway, body)
        assert gateway.decision_point.mode is Mode.ON

    def test_forgets_the_decisions(self) -> None:
        session, gateway = new_session(), Gateway(Mode.SOFT)
        gateway.publish(session.headers)

        DecisionsResource(gateway.decision_point).on_delete(None)

        assert gateway.decisions == []


def test_an_unknown_mode_is_an_error() -> None:
    with pytest.raises(
        InvalidSettingError, match="IAM_ENFORCEMENT=yes is not known: set it to off, soft or on"
    ):
        mode_from_environment({"IAM_ENFORCEMENT": "yes"})


def test_decisions_are_counted_with_the_statements_behind_them() -> None:
    session, gateway = new_session(), Gateway()
    session.allow(MAY_PUBLISH | {"Sid": "Publish"}, name="accept")

    gateway.publish(session.headers)
    gateway.publish(session.headers)

    (decision,) = gateway.decisions
    assert decision["role_arn"] == session.role.arn
    assert (decision["action"], decision["resource"], decision["call"]) == (
        "sns:Publish",
        TOPIC,
        "sns:Publish",
    )
    assert (decision["allowed"], decision["count"]) == (True, 2)
    assert decision["matched"] == [
        {
            "policy_type": "identity-based policy",
            "policy_name": "accept",
            "index": 0,
            "sid": "Publish",
            "effect": "Allow",
        }
    ]
    json.dumps(gateway.log.to_json())


def test_the_parts_of_a_transaction_are_decided_each() -> None:
    session, gateway = new_session(), Gateway()
    table = arn("dynamodb", "table/shops")
    session.allow({"Action": ["dynamodb:PutItem", "dynamodb:UpdateItem"], "Resource": table})
    parts = [{"Put": {"TableName": "shops"}}, {"Update": {"TableName": "shops"}}]
    gateway.send(request_context("dynamodb", "TransactWriteItems", {"TransactItems": parts}, session.headers))
    assert [each["action"] for each in gateway.decisions] == ["dynamodb:PutItem", "dynamodb:UpdateItem"]

    parts.append({"Delete": {"TableName": "shops"}})
    context = request_context("dynamodb", "TransactWriteItems", {"TransactItems": parts}, session.headers)

    refusal = gateway.refusal(context)
    assert refusal.code == "AccessDeniedException"
    assert f"dynamodb:DeleteItem on resource: {table}" in refusal.message


def test_the_log_is_bounded() -> None:
    session = new_session()
    session.allow(ALL)
    log = DecisionLog(max_records=2)
    enforcer = IamEnforcer(DecisionPoint(Mode.ON, log))

    for name in ("a", "b", "c"):
        parameters = {"TopicArn": arn("sns", name), "Message": "m"}
        enforcer(None, request_context("sns", "Publish", parameters, session.headers), None)

    assert len(log.to_json()["decisions"]) == 2
    assert log.to_json()["dropped"] == 1
    log.clear()
    assert log.to_json() == {"decisions": [], "dropped": 0}


def test_a_request_that_is_no_aws_call_passes() -> None:
    context = request_context("sns", "Publish", PUBLISH, {})
    context.operation = None

    Gateway().send(context)


def test_the_session_type_is_what_moto_makes() -> None:
    """The helper's session is found by its access key, as one that a function gets."""
    session: Session = new_session()

    assert callers.find_session(session.assumed.access_key_id, "aws") is session.assumed


# Tokens that moto hands out to anyone


TOKEN_CALLS = ["GetSessionToken", "GetFederationToken", "AssumeRoleWithWebIdentity", "AssumeRoleWithSAML"]


@pytest.mark.parametrize("operation", TOKEN_CALLS)
@pytest.mark.parametrize("anonymous", [True, False], ids=["anonymous", "role"])
def test_only_the_deployer_gets_tokens_that_nothing_is_asked_for(operation: str, anonymous: bool) -> None:
    session = new_session()
    session.allow(ALL)
    parameters = {"Name": "x", "RoleArn": session.role.arn}
    headers = {"Authorization": authorization(callers.ANONYMOUS_KEY)} if anonymous else session.headers

    refusal = Gateway().refusal(request_context("sts", operation, parameters, headers))

    assert "not supported here" in refusal.message
    Gateway().send(request_context("sts", operation, parameters, {"Authorization": authorization("test")}))


# Links that are used without credentials, and signatures in the query string


SUBSCRIPTION = f"{TOPIC}:1a1a1a1a-0000-0000-0000-000000000000"


def subscribe(**attributes: str) -> None:
    sns_stores[ACCOUNT][REGION].subscriptions[SUBSCRIPTION] = {"SubscriptionArn": SUBSCRIPTION, **attributes}


def unsigned(operation: str, **parameters: str) -> RequestContext:
    return request_context(
        "sns", operation, parameters, {"Authorization": authorization("injectedaccesskey")}
    )


def test_links_of_sns_need_no_credentials() -> None:
    subscribe()
    Gateway().send(unsigned("ConfirmSubscription", TopicArn=TOPIC, Token="t"))
    Gateway().send(unsigned("Unsubscribe", SubscriptionArn=SUBSCRIPTION))


def test_an_end_that_has_to_be_signed_is_refused_without_signature() -> None:
    subscribe(AuthenticateOnUnsubscribe="true")
    error = Gateway().refusal(unsigned("Unsubscribe", SubscriptionArn=SUBSCRIPTION))
    assert error.status_code == 403
    asked = unsigned("ConfirmSubscription", TopicArn=TOPIC, Token="t", AuthenticateOnUnsubscribe="true")
    assert Gateway().refusal(asked).status_code == 403


def test_no_other_call_of_sns_goes_unsigned() -> None:
    assert Gateway().refusal(unsigned("DeleteTopic", TopicArn=TOPIC)).status_code == 403


@pytest.mark.parametrize("allowed", [True, False])
def test_a_signature_in_the_query_string_is_its_signers(allowed: bool) -> None:
    session = new_session()
    if allowed:
        session.allow(MAY_PUBLISH)
    credential = f"{session.assumed.access_key_id}/20260101/{REGION}/sns/aws4_request"
    query = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": credential,
        "X-Amz-Signature": "0",
        "X-Amz-SignedHeaders": "host",
        "X-Amz-Security-Token": session.assumed.session_token,
    }
    context = request_context("sns", "Publish", PUBLISH, {})
    context.request.query_string = urlencode(query).encode()
    TakeSignatureFromQuery()(None, context, None)
    if allowed:
        Gateway().send(context)
    else:
        assert Gateway().refusal(context).code in ("AuthorizationError", "AccessDenied")
