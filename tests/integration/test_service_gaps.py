"""Requests of other services that moto alone would end in an exception for (`patches.moto_gaps`)."""

import secrets

import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.needs("local")


def test_a_secrets_replica_is_read_in_its_region_and_written_in_the_primary_alone(deployment, request):
    primary = deployment.client("secretsmanager")
    region = "eu-west-1" if deployment.target.region != "eu-west-1" else "eu-central-1"
    replica = deployment.target.client("secretsmanager", region=region)
    name = f"gaps-{secrets.token_hex(4)}"
    primary.create_secret(Name=name, SecretString="first", AddReplicaRegions=[{"Region": region}])

    @request.addfinalizer
    def delete():
        primary.remove_regions_from_replication(SecretId=name, RemoveReplicaRegions=[region])
        primary.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)

    assert replica.get_secret_value(SecretId=name)["SecretString"] == "first"
    primary.put_secret_value(SecretId=name, SecretString="second")
    assert replica.get_secret_value(SecretId=name)["SecretString"] == "second"
    with pytest.raises(ClientError, match="not permitted on a replica secret"):
        replica.put_secret_value(SecretId=name, SecretString="third")


def test_a_usage_plans_rate_need_not_be_a_whole_number(deployment, request):
    apis = deployment.client("apigateway")
    plan = apis.create_usage_plan(name=f"gaps-{secrets.token_hex(4)}")["id"]
    request.addfinalizer(lambda: apis.delete_usage_plan(usagePlanId=plan))

    def update(value):
        operation = {"op": "replace", "path": "/throttle/rateLimit", "value": value}
        return apis.update_usage_plan(usagePlanId=plan, patchOperations=[operation])

    assert update("2.5")["throttle"]["rateLimit"] == 2.5
    with pytest.raises(apis.exceptions.BadRequestException):
        update("fast")


def test_all_conformance_packs_of_an_organization_are_listed(deployment):
    answer = deployment.client("config").describe_organization_conformance_packs()
    assert isinstance(answer["OrganizationConformancePacks"], list)


def test_a_tag_of_redshift_needs_no_value(deployment, request):
    redshift, name = deployment.client("redshift"), f"gaps-{secrets.token_hex(4)}"
    redshift.create_cluster_parameter_group(
        ParameterGroupName=name, ParameterGroupFamily="redshift-1.0", Description="d", Tags=[{"Key": "k"}]
    )
    request.addfinalizer(lambda: redshift.delete_cluster_parameter_group(ParameterGroupName=name))
    answer = redshift.describe_tags(ResourceType="parametergroup")
    found = [each["Tag"] for each in answer["TaggedResources"] if each["ResourceName"].endswith(name)]
    assert found == [{"Key": "k", "Value": ""}]
