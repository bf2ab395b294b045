"""System calls that the filter keeps from functions, by their numbers on this machine."""

import errno
import platform

import pytest
from sandbox_environments import Factory, every_kind

from serverless_harness.emulator.sandbox.launcher_process import kernel, seccomp

pytestmark = pytest.mark.skipif(
    not kernel.IS_LINUX or platform.machine() not in seccomp.ARCHITECTURES, reason="no filter is known here"
)

CALL = """import ctypes, errno, os
        libc = ctypes.CDLL(None, use_errno=True)
        def call(*arguments):
            result = libc.syscall(*[ctypes.c_ulong(each) for each in arguments])
            return errno.errorcode[ctypes.get_errno()] if result == -1 else "done"
"""


@every_kind
def test_calls_for_attacks_on_the_kernel(factory: Factory) -> None:
    numbers = seccomp.ARCHITECTURES[platform.machine()]
    text = factory().run(f"""
        {CALL}
        print(sorted({{call(number, 0, 0, 0, 0, 0, 0) for number in {numbers.refused}}}))
        print(call({numbers.clone}, 0x10000000 | 17, 0, 0, 0, 0))  # a user namespace
        print(call({numbers.clone}, 0x40000000 | 17, 0, 0, 0, 0))  # a network namespace
        print(call(435, 0, 0))  # clone3
    """)
    assert text.split("\n")[:-1] == ["['EPERM']", "EPERM", "EPERM", "ENOSYS"]


@every_kind
def test_tcp_fast_open_connects_nowhere(factory: Factory, listening_port: int) -> None:
    """Landlock has no say in it: the kernel asks for its leave in `connect` alone."""
    text = factory(ports=()).run(f"""
        import errno, socket
        address, flag = ("127.0.0.1", {listening_port}), socket.MSG_FASTOPEN
        for send in (
            lambda client: client.sendto(b"x", flag, address),
            lambda client: client.sendmsg([b"x"], [], flag, address),
        ):
            with socket.socket() as client:
                try:
                    send(client)
                except OSError as error:
                    print(errno.errorcode[error.errno])
        {CALL}
        print(call({seccomp.ARCHITECTURES[platform.machine()].sendmmsg}, 0, 0, 0, flag))
    """)
    assert text.split() == ["EPERM"] * 3


@every_kind
@pytest.mark.parametrize(
    ("arguments", "refusal"),
    [
        ((2, 1, 262), errno.EPROTONOSUPPORT),  # MPTCP
        ((10, 1, 132), errno.EPROTONOSUPPORT),  # SCTP
        ((2, 5, 0), errno.EPERM),  # SCTP, by the kind of socket
        ((2, 3, 255), errno.EPERM),  # raw
        ((40, 1, 0), errno.EAFNOSUPPORT),  # vsock: virtual machines and their hosts
        ((38, 5, 0), errno.EAFNOSUPPORT),  # the kernel's cryptography
        ((17, 3, 0), errno.EAFNOSUPPORT),  # packets
        ((16, 3, 4), errno.EPROTONOSUPPORT),  # all sockets of the machine
    ],
)
def test_sockets_beside_tcp_and_udp(factory: Factory, arguments: tuple[int, ...], refusal: int) -> None:
    text = factory().run(f"""
        import socket
        try:
            socket.socket(*{arguments})
        except OSError as error:
            print(error.errno)
    """)
    assert text == f"{refusal}\n"


@every_kind
def test_what_functions_do_need(factory: Factory) -> None:
    text = factory().run("""
        import asyncio, multiprocessing, os, socket, subprocess, sys, threading
        from concurrent.futures import ThreadPoolExecutor
        for family in socket.AF_INET, socket.AF_INET6, socket.AF_UNIX:
            for kind in socket.SOCK_STREAM, socket.SOCK_DGRAM:
                socket.socket(family, kind | socket.SOCK_CLOEXEC).close()
        socket.socketpair()
        socket.getaddrinfo("127.0.0.1", 80)
        socket.if_nameindex()
        subprocess.run([sys.executable, "-c", ""], check=True)
        subprocess.run("exit 0", shell=True, check=True)
        assert os.waitstatus_to_exitcode(os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)[1]) == 0
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(str, range(4))) == ["0", "1", "2", "3"]
        context = multiprocessing.get_context("fork")
        ours, theirs = context.Pipe()
        child = context.Process(target=theirs.send, args=(1,))
        child.start()
        assert ours.recv() == 1
        child.join()
        asyncio.run(asyncio.sleep(0))
        print("done")
    """)
    assert text == "done\n"
