"""The emulator calls itself in memory: the sockets that an order leaves are its callers' alone."""

from urllib.parse import urlsplit

import pytest

from benchmarks.iam_enforcement import emulator_process
from serverless_harness.stack.embedded import EmbeddedStack
from shop import shops
from shop.cash_register import CashRegister
from shop.orders import load_orders


@pytest.mark.needs("embedded")
def test_the_emulator_opens_no_connection_to_itself_for_an_order(deployment):
    port = urlsplit(deployment.target.endpoint_url).port
    register = CashRegister(deployment, shops.shop_ids(deployment)[0])
    emulator = emulator_process(EmbeddedStack(port))
    before = own_connections(emulator, port)
    answer = register.send(register.encrypt(load_orders()[0])[0])
    assert register.await_bookings([answer], lambda _: None)

    assert [each for each in emulator.net_connections("tcp") if each.laddr.port == port]
    assert own_connections(emulator, port) <= before


def own_connections(process, port):
    """The connections to its own `port` that a process has opened; those of others' tests may be left."""
    return {each.laddr for each in process.net_connections("tcp") if each.raddr and each.raddr.port == port}
