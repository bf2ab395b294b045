"""What Terraform's state in a target's folder tells: ARNs, functions' code, and what archives are made of."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from serverless_harness.deploy import working_copy
from serverless_harness.deploy.terraform_installation import STATE_FILE
from serverless_harness.targets import Target

CODE_ARGUMENTS = {"S3Bucket": "s3_bucket", "S3Key": "s3_key", "S3ObjectVersion": "s3_object_version"}
"""Arguments of UpdateFunctionCode, and what Terraform calls them."""


def managed_arns(folder: Path) -> Iterator[tuple[str, str]]:
    """Give the ARN and the region of each resource that has one."""
    for resource, attributes in _instances(folder):
        arn = attributes.get("arn")
        if resource["mode"] == "managed" and isinstance(arn, str) and arn.count(":") >= 5:
            yield arn, arn.split(":")[3]


def code_of(folder: Path, work: Path, function: str) -> dict[str, Any]:
    """Give a function's code as the configuration in `work` names it, as UpdateFunctionCode takes it."""
    for attributes in _functions(folder):
        if attributes["function_name"] == function:
            if filename := attributes.get("filename"):
                return {"ZipFile": (work / filename).read_bytes()}
            return {
                argument: attributes[name]
                for argument, name in CODE_ARGUMENTS.items()
                if attributes.get(name)
            }
    return {}


def archived_sources(target: Target) -> dict[str, Path]:
    """Give what the configuration's `archive_file` makes functions' packages of, by their names in AWS.

    It is a folder or a file of the project, not its copy in which Terraform works.
    """
    folder = target.state_dir / "terraform"
    root, copy = working_copy.root_of(target.project), folder / "work"
    work = copy / target.project.terraform.relative_to(root)
    archives = {
        os.path.normpath(work / attributes["output_path"]): source
        for resource, attributes in _instances(folder)
        if resource["type"] == "archive_file"
        and (source := attributes.get("source_dir") or attributes.get("source_file"))
    }
    found = {}
    for attributes in _functions(folder):
        source = archives.get(os.path.normpath(work / (attributes.get("filename") or "")))
        path = Path(os.path.normpath(work / (source or "")))
        if source and path.is_relative_to(copy) and (root / path.relative_to(copy)).exists():
            found[attributes["function_name"]] = root / path.relative_to(copy)
    return found


def _functions(folder: Path) -> Iterator[dict[str, Any]]:
    for resource, attributes in _instances(folder):
        if resource["mode"] == "managed" and resource["type"] == "aws_lambda_function":
            yield attributes


def _instances(folder: Path) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Give each resource and data source, with the attributes of each instance; nothing without a state."""
    try:
        state = json.loads((folder / STATE_FILE).read_text())
    except FileNotFoundError:
        return
    for resource in state["resources"]:
        for instance in resource["instances"]:
            yield resource, instance["attributes"]
