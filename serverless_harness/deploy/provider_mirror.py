"""Where Terraform takes the AWS provider from when its registry can't be reached."""

import shutil
import ssl
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path

REGISTRY = "registry.terraform.io"
TOFU_REGISTRY = "registry.opentofu.org"
"""Where OpenTofu looks for `hashicorp/aws`; the packages are the same."""
PROBE_TIMEOUT_S = 4
ADD_ON_PACKAGES = Path("/opt")
"""The file system standard (FHS 3.0, 3.13) keeps add-on packages here, one folder each."""


def registry_of(program: str) -> str:
    """Give the registry of Terraform or of OpenTofu, by the program's name."""
    return TOFU_REGISTRY if "tofu" in Path(program).name else REGISTRY


def registry_is_reachable(registry: str = REGISTRY) -> bool:
    """Ask a registry for its service discovery document, with the system's certificates."""
    try:
        with urllib.request.urlopen(
            f"https://{registry}/.well-known/terraform.json",
            timeout=PROBE_TIMEOUT_S,
            context=ssl.create_default_context(),
        ) as answer:
            return bool(answer.status == 200)
    except (OSError, ValueError):
        return False


def find_mirror(
    environ: Mapping[str, str], add_on_packages: Path = ADD_ON_PACKAGES, registry: str = REGISTRY
) -> Path | None:
    """Find a folder that holds `registry`: an implied mirror, else an add-on package's."""
    candidates = [*implied_mirrors(environ), *sorted(add_on_packages.glob("*"))]
    return next((folder for folder in candidates if (folder / registry).is_dir()), None)


def link_for_tofu(mirror: Path, folder: Path) -> Path:
    """Make `folder` a mirror that has for OpenTofu what `mirror` has for Terraform; gives `folder`.

    OpenTofu follows a link to a package, but none on the way there (its `SearchLocalDirectory`).
    """
    shutil.rmtree(folder, ignore_errors=True)
    packed, unpacked = "*/*/*.zip", "*/*/*/*_*"
    source = mirror.resolve() / REGISTRY
    for package in (*source.glob(packed), *source.glob(unpacked)):
        link = folder / TOFU_REGISTRY / package.relative_to(source)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(package)
    return folder


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


def cli_config(mirror: Path, registry: str) -> str:
    """Give a CLI configuration that installs what is `registry`'s from `mirror` alone."""
    path = str(mirror).replace("\\", "\\\\").replace('"', '\\"')
    return f"""\
provider_installation {{
  filesystem_mirror {{
    path    = "{path}"
    include = ["{registry}/*/*"]
  }}
  direct {{
    exclude = ["{registry}/*/*"]
  }}
}}
"""
