"""process: booked once, whole or not at all, over moto's DynamoDB."""

import json
from decimal import Decimal

import booking
import boto3
import process
import pytest
from boto3.dynamodb.types import TypeDeserializer
from botocore.exceptions import ClientError
from botocore.stub import Stubber

TABLE_NAME = "shop-shops"
ORDER_ID = "0123456789abcdef" * 4


def sale(item_no, gross_number, gross_turnover):
    return {"item_no": item_no, "gross_number": gross_number, "gross_turnover": gross_turnover}


def order(*sales, order_id=ORDER_ID, shop_id="AMIS1", **fields):
    content = json.dumps({"sales": sales})
    return {"order_id": order_id, "shop_id": shop_id, "decrypted_content": content} | fields


class Shops:
    """The shops' table, with the items 1 to 3 of shop AMIS1."""

    def __init__(self):
        self._dynamodb = boto3.client("dynamodb")
        keys = {"shop_id": "HASH", "record_type": "RANGE"}
        self._dynamodb.create_table(
            TableName=TABLE_NAME,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys.items()],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys],
        )
        for item_no in (1, 2, 3):
            self.seed("AMIS1", item_no)

    def seed(self, shop_id, item_no):
        item = {
            "shop_id": {"S": shop_id},
            "record_type": {"S": f"s-{item_no:05}"},
            "item_description": {"S": "tea"},
            "selling_price": {"N": "2.99"},
            "stock": {"N": "10"},
        }
        self._dynamodb.put_item(TableName=TABLE_NAME, Item=item)

    def rows(self):
        """All rows, by shop and record type; numbers are Decimals."""
        deserialize = TypeDeserializer().deserialize
        rows = (
            {name: deserialize(value) for name, value in item.items()}
            for item in self._dynamodb.scan(TableName=TABLE_NAME)["Items"]
        )
        return {(row.pop("shop_id"), row.pop("record_type")): row for row in rows}


@pytest.fixture
def shops(aws):
    return Shops()


@pytest.fixture
def dynamodb():
    with Stubber(booking.dynamodb) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(booking.time, "sleep", lambda _seconds: None)


def cancelled(*codes):
    """Arguments for a Stubber: DynamoDB's answer to a transaction whose actions ended so."""
    return {
        "method": "transact_write_items",
        "service_error_code": "TransactionCanceledException",
        "modeled_fields": {"CancellationReasons": [{"Code": code} for code in codes]},
    }


def test_sales_are_booked_and_the_order_is_marked(shops, context, capsys, sns_event):
    before = shops.rows()

    process.lambda_handler(sns_event(order(sale(1, 2, 5.98), sale(3, 1, 0.1))), context)

    item = {"item_description": "tea", "selling_price": Decimal("2.99")}
    assert shops.rows() == {
        ("AMIS1", f"o-{ORDER_ID}"): {},
        ("AMIS1", "s-00001"): item
        | {"gross_number": 2, "gross_turnover": Decimal("5.98"), "stock": Decimal(8)},
        ("AMIS1", "s-00002"): before["AMIS1", "s-00002"],
        ("AMIS1", "s-00003"): item
        | {"gross_number": 1, "gross_turnover": Decimal("0.1"), "stock": Decimal(9)},
    }
    assert capsys.readouterr().out == f"BOOKED: order_id: {ORDER_ID}, shop_id: AMIS1, items: 2\n"


def test_content_may_be_an_object(shops, context, sns_event):
    process.lambda_handler(sns_event(order(decrypted_content={"sales": [sale(1, 1, 2.99)]})), context)

    assert shops.rows()["AMIS1", "s-00001"]["gross_turnover"] == Decimal("2.99")


def test_order_delivered_twice_is_booked_once(shops, context, capsys, sns_event):
    event = sns_event(order(sale(1, 2, 5.98)))
    process.lambda_handler(event, context)
    once = shops.rows()
    capsys.readouterr()

    process.lambda_handler(event, context)

    assert shops.rows() == once
    assert capsys.readouterr().out.startswith(f"ALREADY BOOKED: order_id: {ORDER_ID}, shop_id: AMIS1")


def test_same_order_id_in_another_shop_is_another_order(shops, context, sns_event):
    shops.seed("AMIS2", 1)

    for shop_id in ("AMIS1", "AMIS2"):
        process.lambda_handler(sns_event(order(sale(1, 2, 5.98), shop_id=shop_id)), context)

    rows = shops.rows()
    assert [rows[shop_id, "s-00001"]["gross_number"] for shop_id in ("AMIS1", "AMIS2")] == [2, 2]


def test_item_that_occurs_twice_is_summed(shops, context, sns_event):
    process.lambda_handler(sns_event(order(sale(1, 2, 0.1), sale(1, 3, 0.2))), context)

    item = shops.rows()["AMIS1", "s-00001"]
    assert (item["gross_number"], item["gross_turnover"], item["stock"]) == (5, Decimal("0.3"), 5)


def test_totals_of_many_orders_are_exact(shops, context, sns_event):
    for number in range(100):
        process.lambda_handler(sns_event(order(sale(1, 1, 0.01), order_id=f"{number:064x}")), context)

    item = shops.rows()["AMIS1", "s-00001"]
    # Floats would end at 1.0000000000000007, and the stock may well be oversold.
    assert (item["gross_number"], item["gross_turnover"], item["stock"]) == (100, Decimal("1.00"), -90)


@pytest.mark.parametrize(
    "sales", [(sale(4, 1, 1),), (sale(1, 1, 1), sale(4, 1, 1)), (sale(4, 1, 1), sale(5, 1, 1))]
)
def test_order_with_an_unknown_item_is_not_half_booked(shops, context, sns_event, dead_letters, sales):
    before = shops.rows()
    event = sns_event(order(*sales))

    process.lambda_handler(event, context)

    assert shops.rows() == before
    [(body, attributes)] = dead_letters.receive()
    assert body == event["Records"][0]["Sns"]["Message"]
    assert attributes["reason_code"] == "ITEM_UNKNOWN"


def test_refused_order_is_booked_when_redriven_after_the_item_came(shops, context, sns_event, dead_letters):
    process.lambda_handler(sns_event(order(sale(4, 1, 1))), context)
    shops.seed("AMIS1", 4)
    [(body, _attributes)] = dead_letters.receive()

    process.lambda_handler(sns_event(body), context)

    assert shops.rows()["AMIS1", "s-00004"]["gross_number"] == 1


def test_more_items_than_a_transaction_takes_are_refused(shops, context, sns_event, dead_letters):
    for item_no in range(1, 101):
        shops.seed("AMIS1", item_no)
    before = shops.rows()

    process.lambda_handler(sns_event(order(*(sale(n, 1, 1) for n in range(1, 101)))), context)

    assert shops.rows() == before
    assert dead_letters.receive()[0][1]["reason_code"] == "TOO_MANY_ITEMS"

    process.lambda_handler(sns_event(order(*(sale(n, 1, 1) for n in range(1, 100)))), context)

    assert len(shops.rows()) == len(before) + 1


RUBBISH = {
    "no JSON": ("{", "NOT_JSON"),
    "no object": ("[]", "NOT_AN_OBJECT"),
    "no order id": ({"shop_id": "AMIS1", "decrypted_content": "{}"}, "FIELD_MISSING"),
    "order id is no hash": (order(sale(1, 1, 1), order_id="s-00001"), "FIELD_INVALID"),
    "order id is a number": (order(sale(1, 1, 1), order_id=7), "FIELD_INVALID"),
    "shop is a list": (order(sale(1, 1, 1), shop_id=["AMIS1"]), "FIELD_INVALID"),
    "no content": ({"order_id": ORDER_ID, "shop_id": "AMIS1"}, "FIELD_MISSING"),
    "content is no JSON": (order(decrypted_content="sales"), "NOT_JSON"),
    "content is a number": (order(decrypted_content=7), "NOT_AN_OBJECT"),
    "no sales": (order(), "SALES_INVALID"),
    "second sale is bad": (order(sale(1, 1, 1), sale(2, "1", 1)), "SALES_INVALID"),
}


@pytest.mark.parametrize(("message", "reason_code"), RUBBISH.values(), ids=RUBBISH)
def test_rubbish_becomes_a_dead_letter_and_nothing_is_booked(
    shops, context, capsys, sns_event, dead_letters, message, reason_code
):
    before = shops.rows()
    event = sns_event(message)

    process.lambda_handler(event, context)

    assert shops.rows() == before
    [(body, attributes)] = dead_letters.receive()
    assert body == event["Records"][0]["Sns"]["Message"]
    assert attributes["reason_code"] == reason_code
    assert capsys.readouterr().out.startswith(f"ERROR: {reason_code}: ")


def test_conflict_with_another_order_is_tried_again(dynamodb, context, capsys, sns_event):
    dynamodb.add_client_error(**cancelled("None", "TransactionConflict"))
    dynamodb.add_client_error(**cancelled("TransactionConflict", "None"))
    dynamodb.add_response("transact_write_items", {})

    process.lambda_handler(sns_event(order(sale(1, 1, 1))), context)

    assert capsys.readouterr().out.startswith("BOOKED: ")


def test_conflict_that_lasts_is_raised_before_the_time_is_up(dynamodb, context, sns_event, dead_letters):
    attempts = 20  # 3000 ms, a tenth of a second less with each look at the clock, down to the reserve
    for _ in range(attempts):
        dynamodb.add_client_error(**cancelled("None", "TransactionConflict"))

    with pytest.raises(ClientError, match="TransactionCanceledException"):
        process.lambda_handler(sns_event(order(sale(1, 1, 1))), context)

    assert context.get_remaining_time_in_millis() == 1000
    assert dead_letters.receive() == []


def test_order_that_was_booked_meanwhile_counts_as_booked(dynamodb, context, capsys, sns_event):
    dynamodb.add_client_error(**cancelled("TransactionConflict", "None"))
    dynamodb.add_client_error(**cancelled("ConditionalCheckFailed", "None"))

    process.lambda_handler(sns_event(order(sale(1, 1, 1))), context)

    assert capsys.readouterr().out.startswith("ALREADY BOOKED: ")


def test_conflict_beside_an_unknown_item_is_permanent(dynamodb, context, sns_event, dead_letters):
    dynamodb.add_client_error(**cancelled("None", "TransactionConflict", "ConditionalCheckFailed"))

    process.lambda_handler(sns_event(order(sale(1, 1, 1), sale(4, 1, 1))), context)

    assert dead_letters.receive()[0][1]["reason_code"] == "ITEM_UNKNOWN"


@pytest.mark.parametrize(
    "error",
    [
        {"method": "transact_write_items", "service_error_code": "AccessDeniedException"},
        {"method": "transact_write_items", "service_error_code": "InternalServerError"},
        {"method": "transact_write_items", "service_error_code": "TransactionInProgressException"},
        cancelled("None", "ThrottlingError"),
        cancelled("None", "ValidationError"),
    ],
    ids=str,
)
def test_what_may_pass_is_raised_for_lambda_to_retry(dynamodb, context, sns_event, dead_letters, error):
    dynamodb.add_client_error(**error)

    with pytest.raises(ClientError):
        process.lambda_handler(sns_event(order(sale(1, 1, 1))), context)

    assert dead_letters.receive() == []


@pytest.mark.parametrize(
    "sales",
    [[sale(1, 4711, 815.42)], [sale(77777, 4711, 815.42)], [sale(1, 4711, "815.42")], [{"4711": 815}]],
    ids=["booked", "unknown item", "text for a number", "unknown field"],
)
def test_log_holds_no_contents(shops, context, capsys, sns_event, dead_letters, sales):
    process.lambda_handler(sns_event(order(*sales)), context)

    log = capsys.readouterr().out
    assert ORDER_ID in log
    assert not any(secret in log for secret in ("4711", "815", "77777"))
