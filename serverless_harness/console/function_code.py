"""A function's code as it is deployed: what is in its package, and the text of one file."""

import io
import zipfile
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx

from serverless_harness.console.source import Source
from serverless_harness.errors import HarnessError

MAX_PACKAGE_BYTES = 60_000_000
MAX_FILE_BYTES = 300_000
MAX_LISTED = 300
MAX_KEPT = 3
TIMEOUT_S = 20


@dataclass(frozen=True)
class Code:
    """A package; `files` are names and sizes in bytes, `text` is that of `shown`, None where it isn't text.

    `hot_reload_folder`: the code isn't a package, but is read again from there after each change.
    """

    files: Sequence[tuple[str, int]] = ()
    shown: str = ""
    text: str | None = None
    hot_reload_folder: str = ""
    left_out: int = 0


@dataclass
class Packages:
    """The packages that were read last, by their hash: a page's refresh doesn't read its package again."""

    source: Source
    _kept: OrderedDict[str, bytes] = field(default_factory=OrderedDict)

    def read(self, location: str, code_sha256: str) -> bytes:
        """Give a package's bytes; raises HarnessError where it can't be read."""
        content = self._kept.get(code_sha256) or _package(self.source, location)
        self._kept[code_sha256] = content
        while len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
        return content


def read_code(packages: Packages, function: Mapping[str, Any], wanted: str) -> Code:
    """Read a function's package, as GetFunction tells of it, and its file `wanted`, else the handler's."""
    location = function.get("Code", {}).get("Location", "")
    if not location:
        raise HarnessError("the function has no package: it is a container image")
    if location.startswith("file://"):
        return Code(hot_reload_folder=location.removeprefix("file://"))
    content = packages.read(location, function["Configuration"]["CodeSha256"])
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = [(each.filename, each.file_size) for each in archive.infolist() if not each.is_dir()]
        entries.sort(key=lambda entry: (entry[0].count("/"), entry[0]))
        names = [name for name, _ in entries]
        shown = wanted if wanted in names else _handler_file(function["Configuration"], names)
        return Code(
            entries[:MAX_LISTED],
            shown,
            _text(archive, shown) if shown else None,
            left_out=max(0, len(entries) - MAX_LISTED),
        )


def _package(source: Source, location: str) -> bytes:
    if source.target.is_local:
        # Its host is a name of LocalStack's own, which needs DNS; the path is enough.
        at, to = urlsplit(location), urlsplit(source.local.endpoint_url)
        location = urlunsplit((to.scheme, to.netloc, at.path, at.query, ""))
    try:
        with httpx.stream("GET", location, timeout=TIMEOUT_S, trust_env=not source.target.is_local) as answer:
            answer.raise_for_status()
            content = bytearray()
            for part in answer.iter_bytes():
                content += part
                if len(content) > MAX_PACKAGE_BYTES:
                    raise HarnessError(f"the package is larger than {MAX_PACKAGE_BYTES // 1_000_000} MB")
    except httpx.HTTPError as error:
        raise HarnessError(f"the package can't be read: {error}") from None
    return bytes(content)


def _handler_file(configuration: Mapping[str, Any], names: Sequence[str]) -> str:
    module = str(configuration.get("Handler", "")).rpartition(".")[0].replace(".", "/")
    handlers = [name for name in names if module and name.rpartition(".")[0] == module]
    return next(iter([*handlers, *names]), "")


def _text(archive: zipfile.ZipFile, name: str) -> str | None:
    with archive.open(name) as file:
        content = file.read(MAX_FILE_BYTES + 1)
    try:
        text = content[:MAX_FILE_BYTES].decode()
    except UnicodeDecodeError:
        return None
    return text if len(content) <= MAX_FILE_BYTES else f"{text}\n[the rest of the file is left out]"
