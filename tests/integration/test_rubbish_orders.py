"""Orders that are none: answered, named in the log, kept as dead letters, and never half booked."""

import json
import secrets

import pytest
from accept_copy import new_mark
from shop_under_test import UNTOUCHED, sale

GOOD_SALE = {"item_no": 1, "gross_number": 1, "gross_turnover": 2.99}


def body(**fields):
    return json.dumps(fields).encode()


def random_ciphertext(shop):
    # Below every RSA modulus of 4096 bits, whose highest bit is set.
    return shop.register.wrap(b"\0" + secrets.token_bytes(511)).body


REFUSED_BY_DECRYPT = {
    "nothing": (lambda shop: b"", "FIELD_INVALID"),
    "no JSON": (lambda shop: b"shop_id=AMIS1", "NOT_JSON"),
    "half of a JSON": (lambda shop: shop.order(sale(1, 1)).body[:-10], "NOT_JSON"),
    "a list": (lambda shop: b"[]", "NOT_AN_OBJECT"),
    "no shop_id": (lambda shop: body(content_base64="AAAA"), "FIELD_MISSING"),
    "no content_base64": (lambda shop: body(shop_id=shop.shop_id), "FIELD_MISSING"),
    "a number for shop_id": (lambda shop: body(shop_id=1, content_base64="AAAA"), "FIELD_INVALID"),
    "a path for shop_id": (lambda shop: body(shop_id="../x", content_base64="AAAA"), "FIELD_INVALID"),
    "no base64": (lambda shop: body(shop_id=shop.shop_id, content_base64="?"), "NOT_BASE64"),
    "a short ciphertext": (lambda shop: shop.register.wrap(b"short").body, "CIPHERTEXT_INVALID"),
    "a random ciphertext": (random_ciphertext, "CIPHERTEXT_INVALID"),
    "plaintext that is no text": (
        lambda shop: shop.register.encrypt_bytes(b"\xff\xfe\xfd").body,
        "CONTENT_NOT_UTF8",
    ),
}


@pytest.mark.parametrize(("make_body", "reason_code"), REFUSED_BY_DECRYPT.values(), ids=REFUSED_BY_DECRYPT)
def test_what_decrypt_cannot_open_is_named_and_kept(shop, api, order_log, make_body, reason_code):
    mark = new_mark()
    request_body = make_body(shop)

    answer = api.post(request_body, mark)

    # accept hands on unread: that there was an order is known, that it is rubbish is found out later.
    assert (answer.status_code, answer.json()) == (200, "OK")
    message_id = order_log.message_id(mark)
    line = order_log.await_line("decrypt", "ERROR", message_id)
    assert line.message.startswith(f"ERROR: {reason_code}: ")
    letter = order_log.await_dead_letter("decrypt", mark)
    assert letter.reason_code == reason_code
    assert (json.loads(letter.body)["body"] or "").encode() == request_body
    assert shop.totals() == dict.fromkeys((1, 2, 3), UNTOUCHED)


def test_order_for_an_unknown_shop_is_named_and_kept(shop, api, order_log):
    mark, shop_id = new_mark(), f"NONE-{secrets.token_hex(4)}"
    content = json.loads(random_ciphertext(shop))["content_base64"]

    assert api.post(body(shop_id=shop_id, content_base64=content), mark).status_code == 200

    line = order_log.await_line("decrypt", "ERROR", shop_id)
    assert line.message.startswith("ERROR: SHOP_UNKNOWN: ")
    assert order_log.await_dead_letter("decrypt", mark).reason_code == "SHOP_UNKNOWN"


def test_order_for_another_shops_key_is_named_and_kept(shop, open_shop, api, order_log):
    other = open_shop(own_key=True)
    order = other.order(sale(1, 1))
    swapped = json.loads(order.body) | {"shop_id": shop.shop_id}

    assert api.post(json.dumps(swapped).encode()).status_code == 200

    line = order_log.await_line("decrypt", "ERROR", order.order_id)
    assert line.message.startswith("ERROR: CIPHERTEXT_INVALID: ")
    letter = order_log.await_dead_letter("decrypt", swapped["content_base64"])
    assert letter.reason_code == "CIPHERTEXT_INVALID"
    assert shop.totals() == other.totals() == dict.fromkeys((1, 2, 3), UNTOUCHED)


REFUSED_BY_PROCESS = {
    "no JSON": (b"two coffees, please", "NOT_JSON"),
    "not a number": (b'{"sales": [{"item_no": 1, "gross_number": 1, "gross_turnover": NaN}]}', "NOT_JSON"),
    "a field twice": (b'{"sales": [], "sales": []}', "NOT_JSON"),
    "a list": (json.dumps([GOOD_SALE]).encode(), "NOT_AN_OBJECT"),
    "no sales": (body(other=[]), "SALES_INVALID"),
    "empty sales": (body(sales=[]), "SALES_INVALID"),
    "a sale that is none": (body(sales=[GOOD_SALE, 1]), "NOT_AN_OBJECT"),
    "no item": (body(sales=[GOOD_SALE, {"gross_number": 1, "gross_turnover": 1}]), "SALES_INVALID"),
    "an item out of range": (body(sales=[GOOD_SALE, GOOD_SALE | {"item_no": 100_000}]), "SALES_INVALID"),
    "a number as text": (body(sales=[GOOD_SALE, GOOD_SALE | {"gross_number": "1"}]), "SALES_INVALID"),
    "true for a number": (body(sales=[GOOD_SALE, GOOD_SALE | {"gross_number": True}]), "SALES_INVALID"),
    "half a piece": (body(sales=[GOOD_SALE, GOOD_SALE | {"gross_number": 0.5}]), "SALES_INVALID"),
    "a huge turnover": (body(sales=[GOOD_SALE, GOOD_SALE | {"gross_turnover": 1e300}]), "SALES_INVALID"),
    "an unknown item": (body(sales=[GOOD_SALE, GOOD_SALE | {"item_no": 4}]), "ITEM_UNKNOWN"),
}


@pytest.mark.parametrize(("content", "reason_code"), REFUSED_BY_PROCESS.values(), ids=REFUSED_BY_PROCESS)
def test_what_process_cannot_book_is_named_and_kept(shop, api, order_log, content, reason_code):
    order = shop.register.encrypt_bytes(content)

    assert api.post(order.body).status_code == 200

    line = order_log.await_line("process", "ERROR", order.order_id)
    assert line.message.startswith(f"ERROR: {reason_code}: ")
    assert shop.shop_id in line.message
    letter = order_log.await_dead_letter("process", order.order_id)
    assert letter.reason_code == reason_code
    assert json.loads(letter.body) == {
        "order_id": order.order_id,
        "shop_id": shop.shop_id,
        "decrypted_content": content.decode(),
    }
    assert shop.booked([order]) == set()
    assert shop.totals() == dict.fromkeys((1, 2, 3), UNTOUCHED)


def test_letter_that_is_published_again_is_booked_once_its_reason_is_gone(shop, api, order_log, deployment):
    order = shop.order_of({"sales": [GOOD_SALE, GOOD_SALE | {"item_no": 4}]})
    api.post(order.body)
    letter = order_log.await_dead_letter("process", order.order_id)
    shop.seed(4)

    deployment.client("sns").publish(
        TopicArn=deployment.outputs["topic_arns"]["to_process"], Message=letter.body
    )

    shop.await_booked(order)
    assert shop.totals()[1].gross_number == shop.totals()[4].gross_number == 1


def test_rubbish_does_not_hold_up_the_orders_after_it(shop, api):
    order = shop.order(sale(1, 1))
    api.post(b"rubbish")
    api.post(shop.order_of("rubbish").body)

    assert api.post(order.body).status_code == 200

    shop.await_booked(order)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_unknown_method_is_refused_by_api_gateway(api, method):
    answer = api.request(method, api.invoke_url)

    assert (answer.status_code, answer.json()) == (403, {"message": "Missing Authentication Token"})


@pytest.mark.parametrize("path", ["/", "/shops", "/shop/AMIS1", "/SHOP"])
def test_unknown_path_is_refused_by_api_gateway(api, shop, path):
    stage_url = api.invoke_url.removesuffix("/shop")

    answer = api.request("POST", stage_url + path, shop.order(sale(1, 1)).body)

    assert (answer.status_code, answer.json()) == (403, {"message": "Missing Authentication Token"})
