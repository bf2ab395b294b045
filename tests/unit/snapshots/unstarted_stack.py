"""A stack that isn't started, with the files of a deployment."""

from serverless_harness.stack.embedded import EmbeddedStack
from serverless_harness.targets import LocalTarget


class UnstartedStack(EmbeddedStack):
    """A stack whose folder is the test's, with `files` in it: texts by their names."""

    def __init__(self, folder, files):
        super().__init__(1)
        self.folder = folder
        for name, content in files.items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)

    @property
    def state_dir(self):
        return self.folder

    @property
    def target(self):
        return LocalTarget(self.endpoint_url, self.state_dir)
