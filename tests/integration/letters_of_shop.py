"""The dead letters of one shop's orders, among those of others."""

from serverless_harness.waiting import Wait

TIMEOUT_S = 240


def of(shop):
    """Tell whether a letter is about an order of `shop`."""
    return lambda letter: shop.shop_id in letter.body


def await_letters(dead_letters, shop, count=1):
    """Wait until there are as many letters of a shop, and give them."""

    def look():
        found = [letter for letter in dead_letters.letters() if of(shop)(letter)]
        return found if len(found) >= count else None

    return Wait(f"{count} dead letters of {shop.shop_id}", TIMEOUT_S, interval_s=0.3).until(look)
