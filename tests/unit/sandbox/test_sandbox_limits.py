"""Memory and CPU of an environment: enforced, and measured truthfully."""

import os
import statistics
from pathlib import Path

import pytest
from sandbox_environments import Environment, Factory, every_kind

from serverless_harness.emulator.sandbox.base import Exit
from serverless_harness.testing.eventually import eventually

MB = 1024 * 1024
MB_PER_VCPU = 1769


def hold(mb: int) -> str:
    """Code that fills memory."""
    return f"block = bytearray({mb} << 20)\nblock[::4096] = b'x' * len(block[::4096])\n"


@every_kind
def test_more_memory_than_the_limit_is_killed(factory: Factory) -> None:
    environment = factory(memory_mb=128)
    running = environment.start("print('before', flush=True)\n" + hold(400) + "import time; time.sleep(60)")
    assert running.wait() == Exit(-9, out_of_memory=True)
    assert running.text == "before\n"
    assert environment.sandbox.max_memory_used_mb() == 128
    assert environment.run("print('again')") == "again\n"


@every_kind
def test_memory_up_to_the_limit_is_granted(factory: Factory) -> None:
    environment = factory(memory_mb=128)
    environment.run(hold(100))
    assert 100 <= environment.sandbox.max_memory_used_mb() <= 127


@every_kind
def test_a_growing_process_is_killed_near_the_limit(factory: Factory) -> None:
    environment = factory(memory_mb=128)
    grow = """
        blocks = []
        for mb in range(1000):
            blocks.append(bytearray(1 << 20))
            print(mb, flush=True)
    """
    running = environment.start(grow)
    assert running.wait().out_of_memory
    assert (
        90 <= int(running.text.split()[-1]) <= 180
    )  # the rest is the interpreter's, or was faster than the watch


@every_kind
def test_children_count_too(factory: Factory) -> None:
    environment = factory(memory_mb=128)
    fork = f"""
import os
for _ in range(3):
    if os.fork() == 0:
        {hold(60).replace(chr(10), "; ")}
        import time; time.sleep(60)
import time; time.sleep(60)
"""
    assert environment.start(fork).wait() == Exit(-9, out_of_memory=True)


@every_kind
def test_pages_that_forked_processes_share_count_once(factory: Factory) -> None:
    environment = factory(memory_mb=256)
    fork = (
        hold(100)
        + """
import multiprocessing, time
def read():
    pages = sum(block[::4096])
    time.sleep(0.5)
forking = multiprocessing.get_context("fork")
children = [forking.Process(target=read) for _ in range(4)]
for child in children: child.start()
for child in children: child.join()
print([child.exitcode for child in children])
"""
    )
    assert environment.run(fork) == "[0, 0, 0, 0]\n"
    assert 105 <= environment.sandbox.max_memory_used_mb() <= 200


@every_kind
def test_shared_pages_that_a_process_has_written_are_its_own(factory: Factory) -> None:
    environment = factory(memory_mb=256)
    write = hold(100) + "import os, time\nos.fork(); os.fork()\nblock[::4096] = b'y' * len(block[::4096])\n"
    assert environment.start(write + "time.sleep(60)").wait() == Exit(-9, out_of_memory=True)


SHARE = """
import mmap, os, time
block = mmap.mmap(-1, {mb} << 20)
for _ in range(2): os.fork()
for page in range(0, {mb} << 20, 4096): block[page] = 1
time.sleep({seconds})
print("done", flush=True)
"""


@every_kind
def test_shared_memory_counts_once(factory: Factory) -> None:
    assert factory(memory_mb=256).run(SHARE.format(mb=120, seconds=0.3)).startswith("done\n")
    too_much = factory(memory_mb=128).start(SHARE.format(mb=200, seconds=60))
    assert too_much.wait() == Exit(-9, out_of_memory=True)


@every_kind
def test_the_peak_is_what_was_used(factory: Factory) -> None:
    environment = factory(memory_mb=512)
    environment.run("pass")
    idle_mb = environment.sandbox.max_memory_used_mb()
    assert 5 <= idle_mb <= 30
    environment.run(hold(100) + "del block")
    peak_mb = environment.sandbox.max_memory_used_mb()
    assert idle_mb + 95 <= peak_mb <= idle_mb + 110
    environment.run("pass")
    assert environment.sandbox.max_memory_used_mb() == peak_mb


@every_kind
def test_the_peak_of_a_running_process_is_known(factory: Factory) -> None:
    environment = factory(memory_mb=512)
    running = environment.start(hold(100) + "print('held', flush=True)\nimport time; time.sleep(60)")
    running.wait_for("held")
    assert 105 <= environment.sandbox.max_memory_used_mb() <= 140


@every_kind
def test_reading_files_is_not_using_memory(factory: Factory) -> None:
    environment = factory(memory_mb=128)
    big = environment.spec.code_dir / "big"
    big.write_bytes(b"x" * 300 * MB)
    read = f"""
        with open({environment.sandbox.task_root + "/big"!r}, "rb") as file:
            while file.read(1 << 20):
                pass
    """
    environment.run(read)
    assert environment.sandbox.max_memory_used_mb() < 40


def slowness(factory: Factory, memory_mb: int, burn_s: float, count: int) -> list[float]:
    """Wall-clock time over CPU time of a throttled environment that computes, `count` times.

    Of an environment that is never stopped, without the time for which the machine kept it waiting for a CPU:
    on a busy one, every one of its samples has some.
    """
    is_known = memory_mb == MB_PER_VCPU and Path("/proc/self/schedstat").exists()
    waited = "int(open('/proc/self/schedstat').read().split()[1]) / 1e9" if is_known else "0"
    environment = factory(memory_mb=memory_mb, cpu="aws")
    go = environment.spec.code_dir / "go"
    running = environment.start(
        f"""
        import os, time
        print("up", flush=True)
        while not os.path.exists("{environment.sandbox.task_root}/go"):
            time.sleep(0.005)
        for _ in range({count}):
            start, end = time.perf_counter() - ({waited}), time.process_time() + {burn_s}
            while time.process_time() < end:
                pass
            print((time.perf_counter() - ({waited}) - start) / {burn_s}, flush=True)
        """
    )
    running.wait_for("up")
    environment.sandbox.throttle_cpu()
    go.touch()
    assert running.wait().returncode == 0
    environment.sandbox.close()
    return [float(each) for each in running.text.split()[1:]]


@pytest.mark.parametrize("kind", ["root-groups", "user-watched", "none-watched"], indirect=True)
def test_cpu_time_is_in_proportion_to_memory(factory: Factory) -> None:
    # What else the machine does adds to a time, but it also keeps a launcher from stopping a process in time,
    # which then computes for longer than it should at the end, where it needn't wait for that any more. So
    # neither the least time counts nor the middle one, but the first quarter's. The largest size is never
    # stopped.
    taken: dict[int, list[float]] = {128: [], 512: [], MB_PER_VCPU: []}
    for _ in range(8):
        for memory_mb, burn_s, count in ((128, 0.06, 2), (512, 0.12, 3), (MB_PER_VCPU, 0.02, 40)):
            taken[memory_mb] += slowness(factory, memory_mb, burn_s, count)
        small, middle = (statistics.quantiles(taken[memory_mb], n=4)[0] for memory_mb in (128, 512))
        ratios = [
            small / middle * 128 / 512,
            middle / statistics.median(taken[MB_PER_VCPU]) * 512 / MB_PER_VCPU,
        ]
        if all(abs(ratio - 1) <= 0.15 for ratio in ratios):
            return
    pytest.fail(f"durations, as ratios to AWS's: {ratios}")


@every_kind
def test_the_cpu_is_whole_until_throttled_and_again_after(factory: Factory) -> None:
    environment = factory(memory_mb=128, cpu="aws")
    burn = """
import os, time
while True:
    start, end = time.perf_counter(), time.process_time() + 0.02
    while time.process_time() < end:
        pass
    print(f"{0.02 / (time.perf_counter() - start):.3f}", flush=True)
"""
    running = environment.start(burn)

    def shares_seen(condition) -> None:
        seen = len(running.text.split())
        eventually(
            lambda: any(condition(float(share)) for share in running.text.split()[seen + 1 : -1]), "a share"
        )

    shares_seen(lambda share: share > 0.25)
    environment.sandbox.throttle_cpu()
    shares_seen(lambda share: share < 0.12)
    environment.sandbox.unthrottle_cpu()
    shares_seen(lambda share: share > 0.25)


@every_kind
def test_unlimited_cpu_is_never_throttled(factory: Factory) -> None:
    environment: Environment = factory(memory_mb=128, cpu="unlimited")
    running = environment.start(
        """
import time
print("up", flush=True)
shares = []
for _ in range(20):
    start, end = time.perf_counter(), time.process_time() + 0.02
    while time.process_time() < end:
        pass
    shares.append(0.02 / (time.perf_counter() - start))
print(max(shares))
"""
    )
    running.wait_for("up")
    environment.sandbox.throttle_cpu()
    running.wait()
    assert float(running.text.split()[-1]) > 0.2  # throttled it would be 0.07


@pytest.mark.parametrize("kind", ["root-groups", "root-watched", "user-watched"], indirect=True)
def test_threads_and_processes_are_limited(factory: Factory, kind: str) -> None:
    if kind == "user-watched" and os.geteuid() == 0:
        pytest.skip("the kernel doesn't count root's processes, whatever they are in a user namespace")
    environment = factory(memory_mb=1024)
    count = """
        import threading
        end, started = threading.Event(), 0
        threading.stack_size(65536)
        try:
            while started < 1100:
                threading.Thread(target=end.wait, daemon=True).start()
                started += 1
        except RuntimeError:
            pass
        print(started)
        end.set()
    """
    assert 900 <= int(environment.run(count)) <= 1024
