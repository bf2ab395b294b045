"""Memory shared with the launcher: what its `memory_and_cpu_limits.Gauge` measured of an environment."""

import mmap
import os
import struct
import tempfile
from pathlib import Path

SIZE_BYTES = 24


class GaugeReader:
    """The emulator's end: an unnamed file, whose descriptor the launcher gets."""

    def __init__(self, folder: Path) -> None:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.truncate(SIZE_BYTES)
            self.fd = os.dup(file.fileno())
        self._memory = mmap.mmap(self.fd, SIZE_BYTES)

    @property
    def peak_bytes(self) -> int:
        """The peak of resident memory that was measured."""
        return int(struct.unpack_from("=Q", self._memory, 0)[0])

    @property
    def mapped_peak_bytes(self) -> int:
        """The peak of what was resident and didn't count against the limit: mapped files."""
        return int(struct.unpack_from("=Q", self._memory, 16)[0])

    def take_out_of_memory(self) -> bool:
        """Whether the processes were killed for their memory since this was last asked."""
        killed = bool(struct.unpack_from("=Q", self._memory, 8)[0])
        struct.pack_into("=Q", self._memory, 8, 0)
        return killed

    def close(self) -> None:
        """Let go of the descriptor; what was measured stays readable."""
        os.close(self.fd)
