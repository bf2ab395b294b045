"""A shop of its own whose stack ends and goes on, through the commands that its users have."""

import subprocess
from contextlib import contextmanager

from serverless_harness.project.locate import current
from serverless_harness.stack.embedded import EmbeddedStack, free_port
from serverless_harness.stack.snapshot import Snapshot
from shop import shops
from shop.cash_register import CashRegister
from shop.deployment import ShopDeployment
from shop.orders import load_orders

TIMEOUT_S = 300


class Kept:
    """A shop on a port of its own, through the commands that its users have."""

    def __init__(self, port):
        self.stack = EmbeddedStack(port)

    def run(self, *arguments, exit_code=0):
        """Run one of ./scripts; gives what it prints."""
        script, *options = arguments
        result = subprocess.run(
            [current().folder / "scripts" / script, *options],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        assert result.returncode == exit_code, result.stdout + result.stderr
        return result.stdout if exit_code == 0 else result.stderr

    def on_stack(self, *arguments, exit_code=0):
        return self.run(*arguments, "--port", str(self.stack.port), exit_code=exit_code)

    @property
    def deployment(self):
        return ShopDeployment.require(EmbeddedStack(self.stack.port).target)

    @property
    def register(self):
        return CashRegister(self.deployment, self.shop_id)

    @property
    def shop_id(self):
        return shops.shop_ids(self.deployment)[0]

    def booked(self):
        return shops.count_orders(self.deployment, self.shop_id)

    def book_one(self):
        register = self.register
        answer = register.send(register.encrypt(load_orders()[0])[0])
        assert register.await_bookings([answer], lambda _: None, TIMEOUT_S) == {answer.order_id}


@contextmanager
def kept_shop():
    """Have a shop on a free port while the block runs; nothing of it is kept."""
    kept = Kept(free_port())
    try:
        kept.on_stack("up")
        yield kept
    finally:
        kept.on_stack("down", "--delete")
        Snapshot.of(kept.stack).discard()
