"""Orders under a schedule of faults: every 200 is accounted for, nothing counts twice, totals are exact."""

from itertools import islice

from shop.chaos import KINDS, schedule
from shop.soak import soak

SEED = 7
ORDERS = 200
CLIENTS = 8


def test_no_order_is_lost_or_counted_twice(deployment, faults, open_shop):
    shop_ids = [open_shop(own_key=True).shop_id for _ in range(2)]

    *_, last_kind = islice(schedule(SEED, sorted(deployment.function_names.values()), shop_ids), len(KINDS))

    soaked = soak(
        deployment, shop_ids, ORDERS, CLIENTS, SEED, print, least_s=last_kind.at_s + last_kind.lasts_s
    )

    print("\n".join(soaked.lines()))
    assert all(soaked.injected[effect] for effect in ("kill", "throttle", "disable-key")), soaked.injected
    assert not soaked.first.lost
    assert not soaked.first.wrong_books
    assert not soaked.first.refused
    assert len(soaked.first.accepted) == ORDERS, "not answered, in the time that an order is sent again"
    assert soaked.last.booked == soaked.last.accepted
    assert not soaked.last.wrong_books
    assert not faults.current()
