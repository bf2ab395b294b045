"""What a deployment is made of, as one hash: where two are equal, Terraform has nothing to do.

A target's folder holds the hash of what was last applied, with the emulator's session that it was applied to.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import httpx

from serverless_harness import paths
from serverless_harness.deploy import emulator_session
from serverless_harness.deploy.layers import layer_paths
from serverless_harness.deploy.packaging import package_sources, source_files
from serverless_harness.deploy.working_copy import project_files
from serverless_harness.project.project import Project
from serverless_harness.targets import LocalTarget, Target

APPLIED_FILE = "applied.json"
WATCHED = "watched.json"
"""The functions that got code from `up --watch` since the last deployment."""
DEPLOYING = (
    "deploy/deployment",
    "deploy/layers",
    "deploy/packaging",
    "deploy/provider_override",
    "deploy/terraform",
    "deploy/working_copy",
    "targets",
)
"""The modules of the package that decide what a deployment makes of the sources."""
TERRAFORM_VARIABLES = "TF_VAR_"


def deployment_inputs(project: Project, variables: Mapping[str, Any]) -> str:
    """Hash what decides what `deploy` makes, seed included: sources, variables, the code that deploys."""
    digest = hashlib.sha256()
    hash_files(digest, project.folder, _sources(project))
    hash_files(digest, paths.PACKAGE, (paths.PACKAGE / f"{name}.py" for name in DEPLOYING))
    environ = {name: value for name, value in os.environ.items() if name.startswith(TERRAFORM_VARIABLES)}
    settings = project.settings.model_dump(mode="json")
    digest.update(json.dumps([dict(variables), environ, settings], sort_keys=True, default=str).encode())
    return digest.hexdigest()


def _sources(project: Project) -> Iterable[Path]:
    yield from project_files(project.terraform)
    for sources in package_sources(project).values():
        for source in sources:
            yield from source_files(source)
    for source in (*project.sources(), *layer_paths(project)):
        yield from project_files(source) if source.is_dir() else [source]
    yield from (project.folder / file for file in project.settings.var_files)


def hash_files(digest: "hashlib._Hash", folder: Path, files: Iterable[Path]) -> None:
    """Add the files' names within `folder` and their contents to `digest`, in the names' order."""
    for file in sorted(set(files)):
        content = file.read_bytes()
        digest.update(f"{os.path.relpath(file, folder)}\0{len(content)}\0".encode())
        digest.update(content)


def record_applied(target: Target, inputs: str) -> None:
    """Note that `inputs` is what the emulator at `target` has now; AWS is left to Terraform alone."""
    if isinstance(target, LocalTarget) and (current := _session_id(target)):
        (target.state_dir / APPLIED_FILE).write_text(json.dumps({"inputs": inputs, "session": current}))


def forget_applied(target: Target) -> None:
    """Have the next `up` run Terraform: what the emulator has is about to change."""
    (target.state_dir / APPLIED_FILE).unlink(missing_ok=True)


def is_applied(target: LocalTarget, inputs: str) -> bool:
    """Tell whether the emulator at `target` still is the one that `inputs` was last applied to."""
    return applied_inputs(target) == inputs


def applied_inputs(target: LocalTarget) -> str | None:
    """Give what was last applied to the emulator at `target`, None where that isn't known."""
    try:
        applied = json.loads((target.state_dir / APPLIED_FILE).read_text())
        return str(applied["inputs"]) if applied["session"] == _session_id(target) else None
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def last_applied(target: LocalTarget, at: float) -> str | None:
    """Give what was last applied to an emulator that has ended, None where that was after `at` (seconds)."""
    file = target.state_dir / APPLIED_FILE
    try:
        return str(json.loads(file.read_text())["inputs"]) if file.stat().st_mtime <= at else None
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def _session_id(target: LocalTarget) -> str | None:
    """Give the emulator's session, None where it has none: it isn't LocalStack."""
    try:
        return emulator_session.session_id(target.endpoint_url)
    except httpx.HTTPError:
        return None


def record_watched(target: Target, function: str) -> None:
    """Note that a function is about to get code that Terraform doesn't know of."""
    forget_applied(target)
    (target.state_dir / WATCHED).write_text(json.dumps(sorted({function, *watched_functions(target)})))


def forget_watched(target: Target) -> None:
    """Note that every function has the code of its package again."""
    (target.state_dir / WATCHED).unlink(missing_ok=True)


def watched_functions(target: Target) -> list[str]:
    """Give the functions that were noted since the last deployment."""
    try:
        functions: list[str] = json.loads((target.state_dir / WATCHED).read_text())
    except FileNotFoundError:
        return []
    return functions
