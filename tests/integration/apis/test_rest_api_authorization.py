"""Who may invoke a REST API's method: authorizers, IAM, resource policies, API keys and usage plans."""

import json
import secrets

import pytest
from apis_under_test import ECHO, ON_A_STACK_OF_THEIR_OWN, allowing, session_of, user_with
from botocore.exceptions import ClientError

pytestmark = ON_A_STACK_OF_THEIR_OWN

AUTHORIZER = """
import json
calls = 0
def policy(effect, resource):
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}
    return {"Version": "2012-10-17", "Statement": [statement]}
def handler(event, context):
    global calls
    calls += 1
    token = event.get("authorizationToken") or event["headers"].get("Auth") or event["headers"]["auth"]
    if token == "unauthorized":
        raise Exception("Unauthorized")
    if token == "error":
        raise ValueError("no")
    if token == "nonsense":
        return {"allow": True}
    resource = event["methodArn"].rpartition("/")[0] + "/a" if token == "only a" else "*"
    return {
        "principalId": "user|" + token,
        "policyDocument": policy("Deny" if token == "deny" else "Allow", resource),
        "context": {"calls": calls, "flag": True, "event": json.dumps(event)},
        "usageIdentifierKey": token if token.startswith("key-") else None,
    }
"""
EXPLICIT = "User is not authorized to access this resource with an explicit deny in an identity-based policy"


def told(response):
    return response.status_code, response.json()


@pytest.fixture
def token_api(make_api, functions):
    """An API with a TOKEN authorizer that is asked each time."""
    return api_with_authorizer(
        make_api,
        functions,
        type="TOKEN",
        identitySource="method.request.header.Auth",
        authorizerResultTtlInSeconds=0,
    )


def api_with_authorizer(make_api, functions, **settings):
    api = make_api()
    authorizer_id = api.authorizer(functions.arn(AUTHORIZER), **settings)
    for path in ("/a", "/b"):
        api.method(path, functions.arn(ECHO), authorizationType="CUSTOM", authorizerId=authorizer_id)
    api.method("/open", functions.arn(ECHO))
    api.deploy()
    return api


def test_token_authorizers(token_api):
    def ask(token, path="/a"):
        return token_api.request(path, headers={"Auth": token} if token else {})

    assert told(ask(None)) == (401, {"message": "Unauthorized"})
    assert told(ask("unauthorized")) == (401, {"message": "Unauthorized"})
    assert ask("unauthorized").headers["x-amzn-errortype"] == "UnauthorizedException"
    assert told(ask("deny")) == (403, {"Message": EXPLICIT})
    assert ask("deny").headers["x-amzn-errortype"] == "AccessDeniedException"
    for token in ("error", "nonsense"):
        assert told(ask(token)) == (500, {"message": None})
        assert ask(token).headers["x-amzn-errortype"] == "AuthorizerConfigurationException"
    assert ask("only a").status_code == 200
    not_b = (403, {"Message": "User is not authorized to access this resource"})
    assert told(ask("only a", "/b")) == not_b
    assert ask(None, "/open").status_code == 200

    authorizer = ask("allow").json()["requestContext"]["authorizer"]
    assert authorizer["principalId"] == "user|allow"
    assert authorizer["flag"] == "true"
    assert authorizer["integrationLatency"] >= 0
    event = json.loads(authorizer["event"])
    assert event == {"type": "TOKEN", "methodArn": token_api.arn("GET/a"), "authorizationToken": "allow"}


def test_a_verdict_is_remembered_for_its_token(make_api, functions):
    api = api_with_authorizer(
        make_api,
        functions,
        type="TOKEN",
        identitySource="method.request.header.Auth",
        identityValidationExpression="[a-z ]+",
    )

    def calls(token, path="/a"):
        response = api.request(path, headers={"Auth": token})
        assert response.status_code == 200, response.text
        return int(response.json()["requestContext"]["authorizer"]["calls"])

    first = calls("allow")
    assert calls("allow") == calls("allow", "/b") == first
    assert calls("another") != first
    assert told(api.request("/a", headers={"Auth": "A1"})) == (401, {"message": "Unauthorized"})
    # What a policy doesn't allow elsewhere is denied there, for as long as it is remembered.
    assert calls("only a")
    assert api.request("/b", headers={"Auth": "only a"}).status_code == 403


def test_request_authorizers(make_api, functions):
    api = api_with_authorizer(
        make_api,
        functions,
        type="REQUEST",
        identitySource="method.request.header.Auth, method.request.querystring.q",
        authorizerResultTtlInSeconds=60,
    )
    assert told(api.request("/a?q=1")) == (401, {"message": "Unauthorized"})
    assert told(api.request("/a", headers={"Auth": "allow"})) == (401, {"message": "Unauthorized"})
    response = api.request("/a?q=1&q=2", headers={"Auth": "allow"})
    authorizer = response.json()["requestContext"]["authorizer"]
    event = json.loads(authorizer["event"])
    assert (event["type"], event["methodArn"]) == ("REQUEST", api.arn("GET/a"))
    assert (event["resource"], event["path"], event["httpMethod"]) == ("/a", "/a", "GET")
    assert event["queryStringParameters"] == {"q": "2"}
    assert event["multiValueQueryStringParameters"] == {"q": ["1", "2"]}
    assert event["requestContext"]["apiId"] == api.api_id
    assert "body" not in event

    def calls(query):
        context = api.request(f"/a?q={query}", headers={"Auth": "allow"}).json()["requestContext"]
        return context["authorizer"]["calls"]

    assert calls("2") == authorizer["calls"] != calls("3")


def test_an_authorizer_that_may_not_be_invoked(make_api, functions):
    api = make_api()
    authorizer_id = api.authorizer(
        functions.arn(AUTHORIZER, for_api_gateway=False),
        type="TOKEN",
        identitySource="method.request.header.Auth",
    )
    api.method("/a", functions.arn(ECHO), authorizationType="CUSTOM", authorizerId=authorizer_id)
    api.deploy()
    assert told(api.request("/a", headers={"Auth": "allow"})) == (500, {"message": None})


def test_an_authorization_type_that_is_none_leaves_no_method_open(make_api, functions):
    with pytest.raises(ClientError, match="Invalid authorization type specified") as refusal:
        make_api().method("/", functions.arn(ECHO), authorizationType="AWS-IAM")
    assert refusal.value.response["Error"]["Code"] == "BadRequestException"


def test_cognito_is_refused_at_once(make_api, functions):
    api = make_api()
    for refused in (
        lambda: api.client.create_authorizer(
            restApiId=api.api_id,
            name="pool",
            type="COGNITO_USER_POOLS",
            providerARNs=["arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_abc"],
            identitySource="method.request.header.Authorization",
        ),
        lambda: api.method("/", functions.arn(ECHO), authorizationType="COGNITO_USER_POOLS"),
    ):
        with pytest.raises(ClientError, match="Cognito user pools") as error:
            refused()
        assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_iam_authorization(make_api, functions):
    api = make_api()
    api.method("/a", functions.arn(ECHO), authorizationType="AWS_IAM")
    api.method("/b", functions.arn(ECHO), authorizationType="AWS_IAM")
    api.deploy()
    missing = (403, {"message": "Missing Authentication Token"})
    assert told(api.request("/a")) == missing
    assert api.request("/a", headers={"Authorization": "Bearer abc"}).status_code == 403
    name = f"caller-{secrets.token_hex(4)}"
    keys = user_with(api.target, name, allowing("execute-api:Invoke", resource=api.arn("GET/a")))
    response = api.signed("/a", keys=keys)
    assert response.status_code == 200
    identity = response.json()["requestContext"]["identity"]
    assert identity["userArn"].endswith(f":user/{name}")
    assert (identity["accessKey"], identity["accountId"]) == (keys[0], "000000000000")
    assert identity["caller"] == identity["user"] != ""
    assert api.signed("/a", keys=keys, service="lambda").status_code == 403
    for path, method in (("/b", "GET"), ("/a", "POST")):
        status_code, answer = told(api.signed(path, method, keys=keys))
        assert status_code == 403
        assert answer["Message"].startswith(f"User: {identity['userArn']} is not authorized to perform: ")
        assert ":********0000:" in answer["Message"]

    role = functions.role(f"{name}-role", "execute-api:Invoke", resource=api.arn("*/b"))
    session = session_of(api.target, role)
    assert api.signed("/b", keys=session).status_code == 200
    assert api.signed("/a", keys=session).status_code == 403
    assert api.signed("/b", keys=(*session[:2], "forged")).status_code == 403
    # The deployer may do everything.
    assert api.signed("/a", keys=("test", "test")).status_code == 200


def policy_of_api(*statements):
    return json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Principal": "*", **each} for each in statements]}
    )


ALLOW_ALL = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "execute-api:/*"}


def test_resource_policies_for_anybody(make_api, functions):
    not_b = {"Effect": "Deny", "Action": "execute-api:Invoke", "Resource": "execute-api:/*/*/b"}
    elsewhere = {**ALLOW_ALL, "Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}
    api = make_api(policy=policy_of_api(ALLOW_ALL, not_b))
    for path in ("/a", "/b"):
        api.method(path, functions.arn(ECHO))
    api.deploy()
    assert api.request("/a").status_code == 200
    status_code, answer = told(api.request("/b"))
    prefix = "User: anonymous is not authorized to perform: execute-api:Invoke on resource: "
    assert (status_code, answer["Message"].startswith(prefix)) == (403, True)
    assert "with an explicit deny" in answer["Message"]
    # Whoever signs is anonymous all the same where a method asks for no signature.
    assert api.signed("/b", keys=("test", "test")).status_code == 403
    api.client.update_rest_api(
        restApiId=api.api_id,
        patchOperations=[{"op": "replace", "path": "/policy", "value": policy_of_api(elsewhere)}],
    )
    assert api.request("/a").status_code == 200, "a policy counts from the next deployment on"
    api.deploy()
    assert api.request("/a").status_code == 403


def test_resource_policies_with_iam(make_api, functions):
    keys = user_with(make_api().target, f"caller-{secrets.token_hex(4)}")
    api = make_api(policy=policy_of_api(ALLOW_ALL))
    api.method("/a", functions.arn(ECHO), authorizationType="AWS_IAM")
    api.deploy()
    assert api.request("/a").status_code == 403
    assert api.signed("/a", keys=keys).status_code == 200


def plan_with_key(api, **plan):
    key = api.client.create_api_key(name=f"key-{secrets.token_hex(4)}", enabled=True)
    plan = api.client.create_usage_plan(
        name=f"plan-{secrets.token_hex(4)}",
        apiStages=[{"apiId": api.api_id, "stage": api.stage}],
        **plan,
    )
    api.client.create_usage_plan_key(usagePlanId=plan["id"], keyId=key["id"], keyType="API_KEY")
    return key["id"], key["value"]


def test_api_keys_quotas_and_throttles(make_api, functions):
    api = make_api()
    api.method("/a", functions.arn(ECHO), apiKeyRequired=True)
    api.deploy()
    key_id, value = plan_with_key(api, quota={"limit": 3, "period": "DAY"})
    _, throttled = plan_with_key(api, throttle={"rateLimit": 0.001, "burstLimit": 2})
    forbidden = (403, {"message": "Forbidden"})
    assert told(api.request("/a")) == forbidden
    assert told(api.request("/a", headers={"x-api-key": "wrong"})) == forbidden
    answers = [api.request("/a", headers={"x-api-key": value}) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[-1].json() == {"message": "Limit Exceeded"}
    assert answers[0].json()["requestContext"]["identity"]["apiKeyId"] == key_id
    assert answers[0].json()["requestContext"]["identity"]["apiKey"] == value
    answers = [api.request("/a", headers={"x-api-key": throttled}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[-1].json() == {"message": "Too Many Requests"}
    api.client.update_api_key(
        apiKey=key_id, patchOperations=[{"op": "replace", "path": "/enabled", "value": "false"}]
    )
    assert told(api.request("/a", headers={"x-api-key": value})) == forbidden


def test_an_authorizer_tells_the_api_key(make_api, functions):
    api = make_api(apiKeySource="AUTHORIZER")
    authorizer_id = api.authorizer(
        functions.arn(AUTHORIZER), type="TOKEN", identitySource="method.request.header.Auth"
    )
    api.method(
        "/a", functions.arn(ECHO), authorizationType="CUSTOM", authorizerId=authorizer_id, apiKeyRequired=True
    )
    api.deploy()
    value = f"key-{secrets.token_hex(16)}"
    key = api.client.create_api_key(name=value, value=value, enabled=True)
    plan = api.client.create_usage_plan(
        name=value, apiStages=[{"apiId": api.api_id, "stage": api.stage}], quota={"limit": 1, "period": "DAY"}
    )
    api.client.create_usage_plan_key(usagePlanId=plan["id"], keyId=key["id"], keyType="API_KEY")
    assert told(api.request("/a", headers={"Auth": "allow"})) == (403, {"message": "Forbidden"})
    assert api.request("/a", headers={"Auth": value}).status_code == 200
    assert api.request("/a", headers={"Auth": value}).status_code == 429


def test_gateway_responses_and_validation(make_api, functions):
    api = make_api()
    client, place = api.client, {"restApiId": api.api_id}
    validator = client.create_request_validator(
        **place, name="all", validateRequestBody=True, validateRequestParameters=True
    )["id"]
    schema = {"type": "object", "required": ["shop"], "properties": {"shop": {"type": "string"}}}
    client.create_model(**place, name="Order", contentType="application/json", schema=json.dumps(schema))
    api.method(
        "/a",
        functions.arn(ECHO),
        "POST",
        requestValidatorId=validator,
        requestParameters={"method.request.querystring.page.size": True},
        requestModels={"application/json": "Order"},
    )
    client.put_gateway_response(
        **place,
        responseType="DEFAULT_4XX",
        responseParameters={"gatewayresponse.header.Access-Control-Allow-Origin": "'*'"},
    )
    client.put_gateway_response(
        **place,
        responseType="MISSING_AUTHENTICATION_TOKEN",
        statusCode="404",
        responseTemplates={"application/json": '{"error": $context.error.messageString}'},
    )
    api.deploy()
    missing = api.request("/a", "POST", json={"shop": "AMIS1"})
    assert told(missing) == (400, {"message": "Missing required request parameters: [page.size]"})
    assert missing.headers["access-control-allow-origin"] == "*"
    invalid = (400, {"message": "Invalid request body"})
    assert told(api.request("/a?page.size=1", "POST", json={"shop": 1})) == invalid
    assert told(api.request("/a?page.size=1", "POST", content=b"{")) == invalid
    assert api.request("/a?page.size=1", "POST", json={"shop": "AMIS1"}).status_code == 200
    text = {"Content-Type": "text/plain"}
    assert api.request("/a?page.size=1", "POST", content=b"text", headers=text).status_code == 200
    assert told(api.request("/nothing")) == (404, {"error": "Missing Authentication Token"})
