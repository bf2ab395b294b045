"""Zip files as an attacker makes them, entry by entry."""

import io
import stat
import zipfile


def entry(name, kind=stat.S_IFREG, mode=0o644):
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = (kind | mode) << 16
    return info


def package(*entries):
    """A zip file of `(name, content)` and `(name, content, kind)`; a link's content is where it leads to."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text, *kind in entries:
            archive.writestr(entry(name, *kind), text)
    content.seek(0)
    return content


LINK = stat.S_IFLNK
FOLDER = stat.S_IFDIR
