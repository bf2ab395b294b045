"""Malformed requests end in the caller's errors, in AWS's words and their protocol's shape.

Source: the services' pages "Common Errors", and the constraint messages that AWS's services answer with.
"""

import json

import pytest
from botocore.exceptions import ParamValidationError
from localstack.aws.api import RequestContext
from localstack.aws.handlers.service import ServiceRequestParser
from localstack.aws.spec import load_service
from localstack.http import Request

from serverless_harness.emulator.validation import causes, model, receiving

JSON = {"Content-Type": "application/x-amz-json-1.1"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def context_of(service, request, protocol=None):
    context = RequestContext(request)
    context.service = load_service(service)
    context.protocol = protocol or context.service.protocol
    return context


def answer(service, body, path="/", method="POST", protocol=None, **headers):
    """Return the status and the body of what a request is refused with; None for one that is let pass."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    context = context_of(service, Request(method, path, headers=headers, body=content), protocol)
    parser = ServiceRequestParser()
    error = receiving.check(context, lambda: parser.parse_and_enrich(context))
    if error is None:
        return None
    response = receiving.refuse(context, error)
    return response.status_code, response.data.decode()


def answer_json(operation, body, **headers):
    return answer("ssm", body, **{"X-Amz-Target": f"AmazonSSM.{operation}", **JSON, **headers})


def answer_query(service, form):
    return answer(service, form.encode(), protocol="query", **FORM)


@pytest.mark.parametrize("body", [b"{", b"[]", b"1", b'"x"', b"\xff"])
def test_a_body_that_is_no_json_object_is_a_serialization_exception(body):
    status, text = answer_json("GetParameter", body)
    assert (status, json.loads(text)["__type"]) == (400, "SerializationException")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"Name": 5}, "NUMBER_VALUE can not be converted to a String"),
        ({"Name": True}, "TRUE_VALUE can not be converted to a String"),
        ({"Name": {}}, "Start of structure or map found where not expected"),
        ({"Name": "n", "WithDecryption": "yes"}, "STRING_VALUE can not be converted to a Boolean"),
    ],
)
def test_a_value_of_another_type_is_named(parameters, message):
    status, text = answer_json("GetParameter", parameters)
    assert status == 400
    assert json.loads(text) == {"__type": "SerializationException", "message": message}


def test_a_member_that_is_missing_is_named():
    status, text = answer_json("PutParameter", {"Value": "v"})
    message = (
        "1 validation error detected: Value null at 'name' failed to satisfy constraint: "
        "Member must not be null"
    )
    assert status == 400
    assert (json.loads(text)["__type"], json.loads(text)["Message"]) == ("ValidationException", message)


def test_missing_members_of_lists_are_named_with_their_place():
    shape = load_service("ssm").operation_model("AddTagsToResource").input_shape
    parameters = {
        "ResourceType": "Parameter",
        "ResourceId": "r",
        "Tags": [{"Key": "a", "Value": "b"}, {"Key": "c"}],
    }
    assert list(model.missing_members(parameters, shape)) == ["tags.2.member.value"]


@pytest.mark.parametrize("target", ["AmazonSSM.Nothing", "x", ""])
def test_an_unknown_operation_of_json(target):
    headers = {"X-Amz-Target": target} if target else {}
    status, text = answer("ssm", {}, **JSON, **headers)
    assert (status, json.loads(text)["__type"]) == (400, "UnknownOperationException")


@pytest.mark.parametrize(
    ("service", "form", "code"),
    [
        ("iam", "Action=Nothing&Version=2010-05-08", "InvalidAction"),
        ("iam", "Version=2010-05-08", "MissingAction"),
        ("iam", "Action=ListRoles&MaxItems=many", "MalformedInput"),
        ("iam", "Action=GetRole", "ValidationError"),
        ("iam", "Action=GetRole&RoleName=%00", "MalformedInput"),
        ("sqs", "Action=CreateQueue", "MissingParameter"),
        ("sqs", "Action=Nothing", "InvalidAction"),
        ("ec2", "Action=DeleteVpc", "MissingParameter"),
    ],
)
def test_refusals_of_the_query_protocol(service, form, code):
    status, text = answer_query(service, form)
    assert status == 400
    assert f"<Code>{code}</Code>" in text


def test_xml_that_is_none_is_malformed():
    status, text = answer("s3", b"<a>", "/bucket?tagging", "PUT", Host="127.0.0.1")
    assert status == 400
    assert "<Code>MalformedXML</Code>" in text


def test_rest_json_that_is_none():
    path = "/2015-03-31/functions"
    assert answer("lambda", b"{", path)[0] == 400
    assert answer("lambda", {"FunctionName": 5, "Role": "r", "Code": {}}, path)[0] == 400
    assert answer("lambda", b"{}", "/nothing")[0] == 404


def test_an_empty_list_of_a_form_is_there():
    form = "Action=PublishBatch&TopicArn=t&PublishBatchRequestEntries"
    assert answer_query("sns", f"{form}=") is None
    assert answer_query("sns", "Action=PublishBatch&TopicArn=t")[0] == 400


def test_a_request_that_fits_passes():
    assert answer_json("GetParameter", {"Name": "n", "WithDecryption": True, "Unknown": 1}) is None
    assert answer_query("iam", "Action=GetRole&RoleName=r") is None


def value_text(value, where, must):
    return f"Value '{value}' at '{where}' failed to satisfy constraint: Member must have value {must}"


@pytest.mark.parametrize(
    ("configuration", "text"),
    [
        (
            {"Timeout": 901},
            value_text("901", "timeout", "less than or equal to 900"),
        ),
        (
            {"Timeout": 0},
            value_text("0", "timeout", "greater than or equal to 1"),
        ),
        (
            {"MemorySize": 10241},
            value_text("10241", "memorySize", "less than or equal to 10240"),
        ),
        (
            {"MemorySize": 64},
            value_text("64", "memorySize", "greater than or equal to 128"),
        ),
        (
            {"Environment": {"Variables": {"1a": "secret"}}},
            "Value at 'environment.variables' failed to satisfy constraint: Map keys must satisfy "
            "constraint: [Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+]",
        ),
    ],
)
def test_a_functions_configuration_is_held_to_its_constraints(configuration, text):
    path = "/2015-03-31/functions/f/configuration"
    status, body = answer("lambda", configuration, path, "PUT")
    assert status == 400
    assert json.loads(body)["message"] == f"1 validation error detected: {text}"


def test_several_violations_are_told_in_one_message():
    path = "/2015-03-31/functions/f/configuration"
    _, body = answer("lambda", {"Timeout": 901, "MemorySize": 1}, path, "PUT")
    assert json.loads(body)["message"].startswith("2 validation errors detected: ")


def test_a_functions_configuration_within_its_constraints_passes():
    fine = {"Timeout": 900, "MemorySize": 10240, "Environment": {"Variables": {"a_1": "b", "AB": ""}}}
    assert answer("lambda", fine, "/2015-03-31/functions/f/configuration", "PUT") is None


@pytest.mark.parametrize(
    ("operation", "changes", "text"),
    [
        ("FilterLogEvents", {"limit": 10_001}, "Value '10001' at 'limit'"),
        ("DescribeLogGroups", {"limit": 51}, "Value '51' at 'limit'"),
        ("FilterLogEvents", {"filterPattern": "x" * 1025}, "at 'filterPattern'"),
        ("PutMetricFilter", {"filterName": "a:b"}, "Value 'a:b' at 'filterName'"),
        ("PutMetricFilter", {"metricTransformations": []}, "Value '[]' at 'metricTransformations'"),
        ("TestMetricFilter", {"logEventMessages": []}, "Value '[]' at 'logEventMessages'"),
    ],
)
def test_log_filters_are_held_to_the_model(operation, changes, text):
    required = {
        "PutMetricFilter": {
            "logGroupName": "g",
            "filterName": "f",
            "filterPattern": "",
            "metricTransformations": [{"metricName": "m", "metricNamespace": "n", "metricValue": "1"}],
        },
        "TestMetricFilter": {"filterPattern": "", "logEventMessages": ["m"]},
    }
    headers = {"X-Amz-Target": f"Logs_20140328.{operation}", **JSON}
    parameters = required.get(operation, {})
    assert answer("logs", parameters, **headers) is None
    status, body = answer("logs", parameters | changes, **headers)
    error = json.loads(body)
    assert (status, error["__type"]) == (400, "InvalidParameterException")
    assert "1 validation error detected: Value " in error["message"]
    assert f"{text} failed to satisfy constraint: Member must" in error["message"]


def test_a_tag_without_a_key_lacks_a_member():
    status, text = answer(
        "redshift", b"Action=CreateTags&ResourceName=r&Tags.Tag.1.Value=v", protocol="query", **FORM
    )
    assert status == 400
    assert "Tags" in text
    assert (
        answer("redshift", b"Action=CreateTags&ResourceName=r&Tags.Tag.1.Key=k", protocol="query", **FORM)
        is None
    )


@pytest.mark.parametrize(
    ("header", "member", "allowed"),
    [
        ("X-Amz-Invocation-Type", "invocationType", "[Event, RequestResponse, DryRun]"),
        ("X-Amz-Log-Type", "logType", "[None, Tail]"),
    ],
)
def test_an_invokes_headers_are_held_to_their_values(header, member, allowed):
    status, body = answer("lambda", {}, "/2015-03-31/functions/f/invocations", **{header: "{}"})
    assert status == 400
    assert json.loads(body)["message"] == (
        f"1 validation error detected: Value '{{}}' at '{member}' failed to satisfy constraint: "
        f"Member must satisfy enum value set: {allowed}"
    )
    path = "/2015-03-31/functions/f/invocations"
    assert answer("lambda", {}, path, **{"X-Amz-Invocation-Type": "DryRun", "X-Amz-Log-Type": "Tail"}) is None


# Exceptions of services


def failed(service, operation, parameters, exception):
    try:
        raise exception
    except type(exception) as error:
        return causes.callers_error(context_after(service, operation, parameters), error)


def context_after(service, operation, parameters):
    context = context_of(service, Request("POST", "/"))
    context.operation = context.service.operation_model(operation)
    context.service_request = parameters
    return context


def test_constraints_that_were_violated_are_all_told():
    parameters = {"Name": "n" * 2049, "Value": "v", "Type": "Text"}
    error = failed("ssm", "PutParameter", parameters, TypeError("of Python"))
    assert error.code == "ValidationException"
    assert error.message == (
        f"2 validation errors detected: Value '{'n' * 2049}' at 'name' failed to satisfy constraint: Member "
        "must have length less than or equal to 2048; Value 'Text' at 'type' failed to satisfy constraint: "
        "Member must satisfy enum value set: [String, StringList, SecureString]"
    )


def test_a_name_that_nobody_has_is_not_found():
    error = failed("secretsmanager", "DescribeSecret", {"SecretId": "mine"}, KeyError("mine"))
    assert (error.code, error.message) == ("ResourceNotFoundException", "SecretId mine does not exist.")


def test_an_exception_that_tells_nothing_of_the_caller_is_the_emulators():
    context = context_after("ssm", "GetParameter", {"Name": "n"})
    error = receiving.unexpected(context, ZeroDivisionError("division by zero"))
    assert (error.code, error.status_code) == ("InternalFailure", 500)
    assert "division" not in error.message
    assert failed("ssm", "GetParameter", {"Name": "n"}, KeyError("other")) is None


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "exception", "code"),
    [
        (
            "ssm",
            "DescribeParameters",
            {"NextToken": "abc"},
            ValueError("invalid literal for int() with base 10: 'abc'"),
            "ValidationException",
        ),
        ("support", "ResolveCase", {}, KeyError(None), "ValidationException"),
        (
            "lambda",
            "PublishLayerVersion",
            {"LayerName": "l", "Content": {}},
            KeyError("S3Key"),
            "ValidationException",
        ),
        (
            "resource-groups",
            "CreateGroup",
            {"Name": "g", "ResourceQuery": {"Type": "TAG_FILTERS_1_0", "Query": "x"}},
            json.JSONDecodeError("no", "x", 0),
            "BadRequestException",
        ),
        ("apigateway", "CreateApiKey", {}, json.JSONDecodeError("no", "", 0), "BadRequestException"),
        ("apigateway", "DeleteUsagePlan", {"usagePlanId": "ü"}, KeyError("%C3%BC"), "NotFoundException"),
        (
            "logs",
            "ListTagsForResource",
            {"resourceArn": "a/b:c"},
            AttributeError("'NoneType' object has no attribute 'lower'"),
            "InvalidParameterException",
        ),
        (
            "config",
            "PutConfigRule",
            {"ConfigRule": {"ConfigRuleName": "r", "Source": {"Owner": "AWS"}}},
            TypeError("Source.__init__() missing 1 required positional argument: 'source_identifier'"),
            "ValidationException",
        ),
        (
            "es",
            "ListTags",
            {"ARN": "a"},
            ParamValidationError(report="Invalid length for parameter ARN, value: 1, valid min length: 20"),
            "ValidationException",
        ),
        (
            "route53",
            "ListHostedZones",
            {"MaxItems": "line\nbreak"},
            ValueError("invalid literal for int() with base 10: 'line\\nbreak'"),
            "InvalidInput",
        ),
        (
            "ssm",
            "CreateDocument",
            {"Name": "name", "Content": "text"},
            TypeError("string indices must be integers, not 'str'"),
            "ValidationException",
        ),
        (
            "iam",
            "SimulatePrincipalPolicy",
            {
                "PolicySourceArn": "arn:aws:iam::000000000000:role/r",
                "ActionNames": ["s3:GetObject"],
                "PolicyInputList": ["5"],
            },
            TypeError("'int' object is not subscriptable"),
            "InvalidInput",
        ),
    ],
)
def test_what_an_exception_tells_of_the_request_is_the_callers(
    service, operation, parameters, exception, code
):
    assert failed(service, operation, parameters, exception).code == code


def test_a_text_that_lacks_a_part_is_the_callers_error(monkeypatch):
    from localstack.services.s3.validation import parse_grants_in_headers

    with pytest.raises(ValueError) as failure:
        parse_grants_in_headers("READ", "nobody")
    error = causes.callers_error(
        context_after("s3", "PutBucketAcl", {"Bucket": "b", "GrantRead": "nobody"}), failure.value
    )
    assert (error.status_code, "Argument format not recognized" in error.message) == (400, True)


def test_a_document_of_somebody_elses_is_the_emulators_fault():
    parameters = {"Name": "g", "ResourceQuery": {"Type": "TAG_FILTERS_1_0", "Query": "{}"}}
    assert (
        failed("resource-groups", "CreateGroup", parameters, json.JSONDecodeError("no", "other", 0)) is None
    )


def test_an_empty_list_of_a_query_string_is_missing():
    shape = load_service("scheduler").operation_model("UntagResource").input_shape
    assert list(model.missing_members({"ResourceArn": "a", "TagKeys": []}, shape)) == ["tagKeys"]
    assert not model.fits({"ResourceArn": "a", "TagKeys": []}, shape)


@pytest.mark.parametrize(("value", "fits"), [("true", True), ("false", True), ("maybe", False)])
def test_a_boolean_of_a_query_string_is_a_text(value, fits):
    """As Terraform asks for an API key with its value."""
    shape = load_service("apigateway").operation_model("GetApiKey").input_shape
    parameters = {"apiKey": "k", "includeValue": value}
    assert model.fits(parameters, shape) is fits
    assert (model.wrong_type(parameters, shape) is None) is fits
