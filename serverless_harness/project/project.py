"""What a project may add to the commands: a class with a method for each occasion, which do nothing here.

A project names its subclass in its settings, `project = "shop.project:Shop"`, and overrides what it needs.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from serverless_harness import paths
from serverless_harness.errors import UserError
from serverless_harness.private_files import make_private
from serverless_harness.project.settings import Settings

if TYPE_CHECKING:
    from serverless_harness.deploy.deployment import Deployment
    from serverless_harness.resilience.dead_letters import DeadLetterQueues
    from serverless_harness.targets import Target

TERRAFORM_FOLDERS = (".", "terraform", "infra")
TESTS_FOLDERS = ("tests/integration", "tests")


class Project:
    """A folder, its settings, and where the harness keeps what it makes there."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder = folder
        self.settings = settings

    # What a subclass may override

    def variables(self, target: "Target") -> Mapping[str, Any]:
        """Give Terraform's variables for a deployment to `target`; they go before those of the settings."""
        return {}

    def build(self, packages: Path) -> None:
        """Make packages in the folder `packages`, after those that the settings tell of, before Terraform."""

    def seed(self, deployment: "Deployment") -> str:
        """Fill a new deployment with its first data; gives what was done, for the screen.

        It is called again after each deployment, so what is there already has to stay.
        """
        return ""

    def smoke(self, deployment: "Deployment") -> None:
        """Try out what is deployed, at the end of `up`, and print what came of it.

        Raises HarnessError where it doesn't work.
        """

    def status(self, deployment: "Deployment") -> None:
        """Print what `status` is to show besides the stack and the functions."""

    def hints(self, deployment: "Deployment", options: str | None) -> Sequence[str]:
        """Give lines to copy for the end of `up`.

        `options` lead commands to the stack (` --port 4600`); None where whoever reads has no commands.
        """
        return ()

    def event(self, deployment: "Deployment", event: object) -> object:
        """Complete a test event as it was read from its file, before a function is invoked with it."""
        return event

    def dead_letters(self, deployment: "Deployment") -> "DeadLetterQueues | None":
        """Give the dead letters, where the project knows more of them than their queues tell."""
        return None

    def commands(self) -> typer.Typer | None:
        """Give commands beside those of the harness; one of the same name stands in the place of its."""
        return None

    def sources(self) -> Sequence[Path]:
        """Give the files and folders that decide what a deployment makes: `up` looks whether they changed.

        Terraform's folder and the sources of the settings' packages are among them in any case. By default
        all of the project is, less its tests.
        """
        tests = {self.tests, self.unit_tests}
        return [
            entry
            for entry in self.folder.iterdir()
            if not any(folder and folder.is_relative_to(entry) for folder in tests)
            and not entry.name.startswith(".")
        ]

    def command_line(self, command: str) -> str:
        """Tell how a person calls a command here."""
        return f"serverless-harness {command}"

    # Where things are

    @property
    def terraform(self) -> Path:
        """Terraform's folder; raises UserError where no folder has `*.tf` files."""
        if self.settings.terraform:
            return self.folder / self.settings.terraform
        for name in TERRAFORM_FOLDERS:
            if has_terraform(self.folder / name):
                return (self.folder / name).resolve()
        raise UserError(
            f"there is no *.tf file in {self.folder}, its terraform/ or its infra/: "
            "name Terraform's folder in the setting 'terraform'"
        )

    @property
    def tests(self) -> Path | None:
        """The folder of the tests that get a stack of their own; UserError where a wrong one is named."""
        if self.settings.tests:
            return self._named_tests("tests", self.settings.tests)
        return next((self.folder / name for name in TESTS_FOLDERS if (self.folder / name).is_dir()), None)

    @property
    def unit_tests(self) -> Path | None:
        """The folder of the tests that need no stack; UserError where a wrong one is named."""
        if self.settings.unit_tests:
            return self._named_tests("unit-tests", self.settings.unit_tests)
        folder = self.folder / "tests" / "unit"
        return folder if folder.is_dir() and self.tests not in folder.parents else None

    def _named_tests(self, setting: str, name: Path) -> Path:
        if (self.folder / name).is_dir():
            return self.folder / name
        raise UserError(f"the setting {setting} = '{name}': there is no folder {self.folder / name}")

    @property
    def state(self) -> Path:
        """The folder of all that the harness makes in this project."""
        return self.folder / paths.STATE_FOLDER

    @property
    def stacks(self) -> Path:
        return self.state / "stacks"

    @property
    def runtimes(self) -> Path:
        """The functions' Pythons: `python3.13/` and its like."""
        return self.state / "runtimes"

    def make_state(self) -> Path:
        """Make the folder of all that the harness makes, which git ignores by a file of its own."""
        make_private(self.state)
        ignore = self.state / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
        return self.state


def has_terraform(folder: Path) -> bool:
    """Tell whether a folder holds a Terraform configuration."""
    return any(folder.glob("*.tf")) or any(folder.glob("*.tf.json"))
