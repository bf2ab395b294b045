"""Where Terraform takes the AWS provider from when its registry can't be reached."""

import ssl
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path

REGISTRY = "registry.terraform.io"
PROBE_TIMEOUT_S = 4
ADD_ON_PACKAGES = Path("/opt")
"""The file system standard (FHS 3.0, 3.13) keeps add-on packages here, one folder each."""


def registry_is_reachable() -> bool:
    """Ask Terraform's registry for its service discovery document, with the system's certificates."""
    try:
        with urllib.request.urlopen(
            f"https://{REGISTRY}/.well-known/terraform.json",
            timeout=PROBE_TIMEOUT_S,
            context=ssl.create_default_context(),
        ) as answer:
            return bool(answer.status == 200)
    except (OSError, ValueError):
        return False


def find_mirror(environ: Mapping[str, str], add_on_packages: Path = ADD_ON_PACKAGES) -> Path | None:
    """Find a folder that holds `registry.terraform.io`: an implied mirror, else an add-on package's."""
    candidates = [*implied_mirrors(environ), *sorted(add_on_packages.glob("*"))]
    return next((folder for folder in candidates if (folder / REGISTRY).is_dir()), None)


def implied_mirrors(environ: Mapping[str, str]) -> list[Path]:
    """List Terraform's implied local mirror directories, by system (its CLI documentation)."""
    home = Path(environ.get("HOME") or Path.home())
    folders = [home / ".terraform.d" / "plugins"]
    if sys.platform == "darwin":
        library = Path("Library/Application Support/io.terraform/plugins")
        return [*folders, home / library, Path("/") / library]
    data_home = Path(environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    data_dirs = (environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share").split(":")
    return [*folders, *(Path(folder) / "terraform" / "plugins" for folder in (str(data_home), *data_dirs))]


def cli_config(mirror: Path) -> str:
    """Give a Terraform CLI configuration that installs from `mirror` whatever it holds."""
    path = str(mirror).replace("\\", "\\\\").replace('"', '\\"')
    return f"""\
provider_installation {{
  filesystem_mirror {{
    path    = "{path}"
    include = ["{REGISTRY}/*/*"]
  }}
  direct {{
    exclude = ["{REGISTRY}/*/*"]
  }}
}}
"""
