"""A folder that the emulator keeps to itself: functions that see the host's files can't touch it."""

from pathlib import Path

import pytest
from sandbox_environments import Factory, every_kind

from serverless_harness.emulator.sandbox.launcher_process import landlock

TOUCHES = """
    import os
    from pathlib import Path

    def attempt(what, act):
        try:
            act()
            print(what, "done")
        except OSError as error:
            print(what, "refused")

    hidden, beside, own = Path({hidden!r}), Path({beside!r}), Path(os.environ.get("TMPDIR", "/tmp"))
    attempt("reading", (hidden / "key").read_bytes)
    attempt("reading by another way", Path(f"/proc/self/root{{hidden}}/key").read_bytes)
    attempt("writing", lambda: (hidden / "key").write_bytes(b""))
    attempt("adding", lambda: (hidden / "new").write_bytes(b""))
    attempt("removing", (hidden / "key").unlink)
    attempt("moving away", lambda: (hidden / "key").rename(own / "moved"))
    attempt("moving there", lambda: own.rename(hidden / "moved"))
    attempt("linking", lambda: (own / "link").hardlink_to(hidden / "key"))
    attempt("moving the folder", lambda: hidden.rename(hidden.with_name("moved")))
    print("--")
    attempt("reading beside", (beside / "file").read_bytes)
    attempt("own writing", lambda: (own / "file").write_bytes(b"x"))
    attempt("own moving", lambda: (own / "file").rename(own / "other"))
    attempt("own device", lambda: Path("/dev/null").write_bytes(b"x"))
"""

pytestmark = pytest.mark.skipif(landlock.version() == 0, reason="there is no Landlock here")


@every_kind
def test_what_is_hidden_cannot_be_touched_and_all_else_can(
    kind: str, factory: Factory, tmp_path: Path
) -> None:
    hidden, beside = tmp_path / "hidden", tmp_path / "beside"
    for folder, name in (hidden, "key"), (beside, "file"):
        folder.mkdir()
        (folder / name).write_bytes(b"content")
    snippet = TOUCHES.format(hidden=str(hidden), beside=str(beside))

    touched, _, others = factory(hidden=hidden).run(snippet).partition("--\n")

    assert touched.count("refused\n") == 9, touched
    assert [file.name for file in hidden.iterdir()] == ["key"]
    assert (hidden / "key").read_bytes() == b"content"
    if kind.startswith("none"):
        assert others.count("done\n") == 4, others
