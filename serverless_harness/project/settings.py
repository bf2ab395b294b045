"""A project's settings: `[tool.serverless-harness]` in its pyproject.toml, or its serverless-harness.toml.

Folders and files are relative to the project's folder. Whatever is left out has a default that works.
"""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from serverless_harness import paths
from serverless_harness.errors import UserError

OWN_FILE = "serverless-harness.toml"
SHARED_FILE = "pyproject.toml"
TABLE = "serverless-harness"
"""Below `[tool]` in pyproject.toml."""


def _to_kebab(name: str) -> str:
    return name.replace("_", "-")


def _as_text(value: object) -> object:
    """Give a number or truth value as an environment variable has it."""
    if isinstance(value, bool):
        return "1" if value else "0"
    return str(value) if isinstance(value, int | float) else value


def _as_package(value: object) -> object:
    """A folder, or a list of them, stands for a package of those sources alone."""
    if isinstance(value, str):
        return {"sources": [value]}
    return {"sources": value} if isinstance(value, list) else value


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


class _Table(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, alias_generator=_to_kebab, populate_by_name=True
    )


Folder = Annotated[Path, Field(strict=False)]
Variable = Annotated[str, BeforeValidator(_as_text)]
Runtime = Annotated[str, Field(pattern=r"^python3\.\d+$")]
LayerArn = Annotated[str, Field(pattern=r"^arn:[\w-]+:lambda:[a-z\d-]+:\d{12}:layer:[\w-]+:\d+$")]


class Package(_Table):
    """What a function's package holds: the contents of `sources`, and what `requirements` install."""

    sources: Annotated[list[Folder], Field(min_length=1)]
    requirements: list[str] = []
    """As pip takes them; `-r FILE` is a file of them."""
    runtime: Runtime | None = None
    """What the requirements are resolved for; the first of `runtimes` where it isn't said."""


class Settings(_Table):
    """What a project says of itself."""

    project: Annotated[str, Field(pattern=r"^[\w.]+:\w+$")] | None = None
    """A subclass of `Project`, as `module:Class`; modules are found in the project's folder."""
    terraform: Folder | None = None
    """Terraform's folder; without it the project's own, `terraform/` or `infra/`, whichever has `*.tf`."""
    variables: dict[str, Any] = {}
    """Terraform's variables; `{packages}` in a text stands for the folder of the built packages."""
    var_files: list[Folder] = []
    """Files of Terraform's variables, beside those that it loads by itself."""
    region: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")] | None = None
    """Where the provider deploys if the configuration doesn't say; without it AWS_DEFAULT_REGION."""
    build: str | None = None
    """A shell command that makes the functions' packages, run in the project's folder before Terraform."""
    packages: dict[str, Annotated[Package, BeforeValidator(_as_package)]] = {}
    """What each function's package holds, where the harness is to make it: `{packages}/<name>.zip`."""
    watch: dict[str, Annotated[list[Folder], Field(min_length=1), BeforeValidator(_as_list)]] = {}
    """Which folders are whose code, for `up --watch`, where the harness doesn't make the packages."""
    layers: dict[LayerArn, Annotated[list[str], Field(min_length=1), BeforeValidator(_as_list)]] = {}
    """What layers of other accounts hold: folders that stand for /opt, zips, or requirements for pip."""
    runtimes: list[Runtime] = []
    """The Pythons that the functions need; `up` says which of them is missing."""
    emulator: dict[str, Variable] = {}
    """The emulator's settings, such as LAMBDA_PROCESS_CPU; the caller's environment goes before them."""
    tests: Folder | None = None
    """The tests that get a stack of their own: without it `tests/integration/`, else `tests/`."""
    unit_tests: Folder | None = None
    """The tests that need none, and run before the others: without it `tests/unit/`, if there is one."""
    least_privilege: bool = False
    """Whether `test` fails where a role has unused permissions or lacks some; else it only says so."""
    aws_test_variables: dict[str, Any] = {}
    """Terraform's variables for `test --target aws`, by which its resources have names of their own."""
    events: Folder = Path("events")
    """Test events for `invoke`, each function's in a folder of its name."""


def is_path(content: str) -> bool:
    """Tell whether what a layer holds is named by a folder or a zip; otherwise it is a requirement."""
    return "@" not in content and not content.startswith("-") and ("/" in content or content.endswith(".zip"))


def read_settings(folder: Path) -> Settings | None:
    """Read what is said in `folder`, None where nothing is; raises UserError where it can't be so."""
    own, shared = folder / OWN_FILE, folder / SHARED_FILE
    if own.is_file():
        return _checked(_read(own), own, "")
    if shared.is_file():
        tool = _read(shared).get("tool")
        if isinstance(tool, dict) and TABLE in tool:
            return _checked(tool[TABLE], shared, f"tool.{TABLE}.")
    return None


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{paths.shown(file)} is not TOML: {error}") from None


def _checked(content: object, file: Path, prefix: str) -> Settings:
    try:
        settings = Settings.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise UserError(f"{paths.shown(file)}: {_complaint(first, prefix + key)}") from None
    for key, found, is_right, what in _folders(settings):
        path = file.parent / found
        if not is_right(path):
            wrong = f"{path} is not a {what}" if path.exists() else f"there is no {path}"
            raise UserError(f"{paths.shown(file)}: {prefix}{key}: {wrong}")
    return settings


def _complaint(error: Mapping[str, Any], key: str) -> str:
    if error["type"] == "extra_forbidden":
        table = Package if len(error["loc"]) > 1 else Settings
        known = ", ".join(_to_kebab(name) for name in table.model_fields)
        return f"there is no setting '{key}'; the settings are {known}"
    return f"{key.rstrip('.')}: {error['msg']}"


type _Named = tuple[str, Path, Callable[[Path], bool], str]


def _folders(settings: Settings) -> Iterator[_Named]:
    """Give the files and folders that a deployment is made of: key, path, what it has to be, and its name."""
    folder, file, either = (Path.is_dir, "folder"), (Path.is_file, "file"), (Path.exists, "file or folder")
    if settings.terraform:
        yield "terraform", settings.terraform, *folder
    if "events" in settings.model_fields_set:
        yield "events", settings.events, *folder
    for var_file in settings.var_files:
        yield "var-files", var_file, *file
    for function, package in settings.packages.items():
        for source in package.sources:
            yield f"packages.{function}", source, *folder
    for function, sources in settings.watch.items():
        for source in sources:
            yield f"watch.{function}", source, *either
    for arn, contents in settings.layers.items():
        for content in filter(is_path, contents):
            yield f"layers.{arn}", Path(content), *either
