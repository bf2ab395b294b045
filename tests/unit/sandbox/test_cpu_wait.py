"""What a function's processes waited for a CPU, from what Linux says of their threads."""

import os
import subprocess
import sys

import pytest

from serverless_harness.emulator.cpu_wait import (
    CpuWait,
    ThreadWait,
    is_counted,
    read_times,
)

MS = 1_000_000


class Machine:
    """A /proc of threads whose times the test sets, with a clock of its own; times in milliseconds."""

    def __init__(self, folder):
        self.folder = folder
        self.now_ms = 0
        self.throttled_ms = 0
        self.vcpus = None

    def set(self, pid, tid, ran_ms, waited_ms, children=(), state="S"):
        thread = self.folder / str(pid) / "task" / str(tid)
        thread.mkdir(parents=True, exist_ok=True)
        (thread / "schedstat").write_text(f"{ran_ms * MS} {waited_ms * MS} 7\n")
        (thread / "children").write_text(" ".join(map(str, children)))
        (self.folder / str(tid)).mkdir(exist_ok=True)
        (self.folder / str(tid) / "stat").write_text(f"{tid} (a) b) {state} 1 1")

    def end(self, pid):
        for thread in (self.folder / str(pid) / "task").iterdir():
            for file in thread.iterdir():
                file.unlink()
            thread.rmdir()
        (self.folder / str(pid) / "task").rmdir()

    def wait(self, pid=1):
        return CpuWait(
            pid,
            lambda: self.throttled_ms * MS,
            lambda: self.vcpus,
            proc=self.folder,
            clock_ns=lambda: self.now_ms * MS,
        )


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def waited_ms(wait):
    return round(wait.waited_s() * 1000)


def test_what_a_thread_waited_since_counts_and_what_it_waited_before_does_not(machine):
    machine.set(1, 1, 5, 50)
    wait = machine.wait()
    machine.now_ms = 100
    machine.set(1, 1, 25, 80)

    assert waited_ms(wait) == 30


def test_it_grows_from_look_to_look(machine):
    machine.set(1, 1, 0, 0)
    wait = machine.wait()
    looks = []
    for look in (1, 2, 3):
        machine.now_ms = look * 100
        machine.set(1, 1, look * 10, look * 40)
        looks.append(waited_ms(wait))

    assert looks == [40, 80, 120]


def test_threads_that_wait_for_each_other_alone_wait_for_nobody(machine):
    machine.set(1, 1, 0, 0)
    machine.set(1, 2, 0, 0)
    wait = machine.wait()
    machine.now_ms = 100
    machine.set(1, 1, 50, 50)
    machine.set(1, 2, 50, 50)

    assert waited_ms(wait) == 0


def test_of_several_threads_only_the_time_counts_in_which_none_ran(machine):
    machine.set(1, 1, 0, 0)
    machine.set(1, 2, 0, 0)
    wait = machine.wait()
    machine.now_ms = 100
    machine.set(1, 1, 15, 85)
    machine.set(1, 2, 15, 85)

    assert waited_ms(wait) == 70


def test_a_background_threads_waiting_does_not_count_while_the_handler_runs(machine):
    machine.set(1, 1, 0, 0)
    machine.set(1, 2, 0, 0)
    wait = machine.wait()
    machine.now_ms = 100
    machine.set(1, 1, 100, 0)
    machine.set(1, 2, 0, 90)

    assert waited_ms(wait) == 0


def test_a_wait_that_linux_tells_of_once_it_has_ended_counts_in_full(machine):
    machine.set(1, 1, 0, 0)
    wait = machine.wait()
    machine.now_ms = 100
    machine.set(1, 1, 10, 20, state="R")  # it has waited for 70 ms more, which aren't over
    assert waited_ms(wait) == 20

    machine.now_ms = 200
    machine.set(1, 1, 20, 180)
    assert waited_ms(wait) == 180


def test_waits_of_a_thread_that_is_never_looked_at_between_them_add_up(machine):
    machine.set(1, 1, 0, 0)
    wait = machine.wait()
    for look in range(1, 51):
        machine.now_ms = look * 100
        told_ms = look * 90 - (37 * look) % 80  # what is told is behind by a part that changes
        machine.set(1, 1, look * 10, told_ms, state="R")
        waited_ms(wait)
    machine.set(1, 1, 500, 4500)

    assert waited_ms(wait) == 4500


def test_time_that_a_process_slept_is_not_taken_for_a_later_wait(machine):
    machine.set(1, 1, 0, 0)
    machine.set(1, 2, 0, 0)
    wait = machine.wait()
    machine.now_ms = 100
    machine.set(1, 1, 0, 0)
    assert waited_ms(wait) == 0

    machine.now_ms = 200
    machine.set(1, 1, 60, 0)
    machine.set(1, 2, 0, 80)
    assert waited_ms(wait) == 40


def test_a_sleeping_process_waits_for_nobody(machine):
    machine.set(1, 1, 3, 4)
    wait = machine.wait()
    machine.now_ms = 5000

    assert waited_ms(wait) == 0


def test_what_a_child_process_waited_counts_while_its_parent_sleeps(machine):
    machine.set(1, 1, 0, 0)
    wait = machine.wait()
    machine.now_ms = 100
    machine.set(1, 1, 0, 0, children=[7])
    machine.set(7, 7, 20, 80)

    assert waited_ms(wait) == 80


def test_what_was_counted_of_a_child_stays_when_it_has_ended(machine):
    machine.set(1, 1, 0, 0, children=[7])
    machine.set(7, 7, 0, 0)
    wait = machine.wait()
    machine.now_ms = 100
    machine.set(7, 7, 20, 80)
    assert waited_ms(wait) == 80

    machine.now_ms = 200
    machine.set(1, 1, 100, 0)
    machine.end(7)

    assert waited_ms(wait) == 80


def test_what_a_quota_of_its_own_held_back_is_its_own_time(machine):
    machine.set(1, 1, 0, 0)
    wait = machine.wait()
    machine.now_ms = 5000
    machine.throttled_ms = 4070
    machine.set(1, 1, 1220, 3670)

    assert waited_ms(wait) <= 0


def test_what_the_kernel_tells_late_of_a_quota_evens_out(machine):
    machine.vcpus = 0.25
    machine.set(1, 1, 0, 0)
    wait = machine.wait()
    for look in range(1, 11):
        machine.now_ms = look * 100
        machine.throttled_ms = (look - 1) * 75  # one look behind
        machine.set(1, 1, look * 25, look * 75)
    wait.waited_s()
    machine.throttled_ms = 750

    assert waited_ms(wait) <= 0


def test_within_its_quota_waiting_for_others_costs_a_capped_function_nothing(machine):
    machine.vcpus = 0.1
    machine.set(1, 1, 0, 0)
    wait = machine.wait()
    machine.now_ms = 1000
    machine.throttled_ms = 600
    machine.set(1, 1, 100, 900)

    assert waited_ms(wait) == 0


@pytest.mark.parametrize(
    ("now_ms", "ran_ms", "waited"),
    [(1000, 200, 1000 - (200 / 0.25 - 20)), (100, 5, 95)],
    ids=["costs the time that it takes", "costs nothing in its first period"],
)
def test_a_quota_that_others_left_no_time_to_use_up(machine, now_ms, ran_ms, waited):
    machine.vcpus = 0.25
    machine.set(1, 1, 0, 0)
    wait = machine.wait()
    machine.now_ms = now_ms
    machine.set(1, 1, ran_ms, now_ms - ran_ms)

    assert waited_ms(wait) == waited


def test_what_is_left_of_a_periods_quota_is_used_up_at_once_but_once(machine):
    """Looked at every 100 ms, a function of a quarter of a CPU that others hold below its quota."""
    machine.vcpus = 0.25
    machine.set(1, 1, 0, 0)
    wait = machine.wait()
    for look in range(1, 11):
        machine.now_ms = look * 100
        machine.set(1, 1, look * 20, look * 80)
        waited = waited_ms(wait)

    assert waited == 1000 - (200 / 0.25 - 20)


def test_what_it_waited_when_what_is_measured_had_ended_does_not_count(machine):
    machine.set(1, 1, 0, 0)
    wait = machine.wait()
    machine.now_ms = 240
    machine.set(1, 1, 200, 38)

    assert round(wait.waited_s(until=0.205) * 1000) == 5


def test_what_it_waited_beyond_its_quota_counts(machine):
    machine.set(1, 1, 0, 0)
    wait = machine.wait()
    machine.now_ms = 1000
    machine.throttled_ms = 300
    machine.set(1, 1, 100, 900)

    assert waited_ms(wait) == 600


def test_a_kernel_that_does_not_count_has_nobody_wait(machine):
    (machine.folder / "1" / "task" / "1").mkdir(parents=True)
    wait = machine.wait()
    machine.now_ms = 100

    assert waited_ms(wait) == 0


@pytest.mark.skipif(not is_counted(), reason="this kernel does not say how long a thread waited for a CPU")
def test_a_real_process_that_shares_its_cpu_waits_about_half_of_the_time():
    cpu = min(os.sched_getaffinity(0))
    loop = [sys.executable, "-c", f"import os; os.sched_setaffinity(0, [{cpu}])\nwhile True: pass"]
    processes = [subprocess.Popen(loop) for _ in range(2)]
    try:
        before = [read_times(f"/proc/{process.pid}/schedstat") for process in processes]
        wait = CpuWait(processes[0].pid)
        # Half a second of work of the one, however long that takes on this machine.
        while read_times(f"/proc/{processes[0].pid}/schedstat").ran_ns - before[0].ran_ns < 500 * MS:
            processes[0].poll()
        times = read_times(f"/proc/{processes[0].pid}/schedstat")
        waited_s = wait.waited_s()
    finally:
        for process in processes:
            process.kill()
            process.wait()

    assert waited_s == pytest.approx((times.waited_ns - before[0].waited_ns) / 1e9, abs=0.1)
    assert waited_s > 0.1


def test_a_threads_own_waiting_never_shrinks():
    wait = ThreadWait()
    looks = [wait.waited_s() for _ in range(100)]
    wait.close()

    assert looks == sorted(looks)
    assert wait.waited_s() == 0
