"""Sales: what is taken, to the last digit, and what is refused."""

import json
from decimal import Decimal
from fractions import Fraction

import pytest
import sales
from hypothesis import given
from hypothesis import strategies as st
from sales import MAX_GROSS_NUMBER, MAX_GROSS_TURNOVER, Sale, read_sales
from shop_messages import PermanentError, parse_json

from serverless_harness.errors import UserError
from shop import orders

GOOD = {"item_no": "1", "gross_number": "2", "gross_turnover": "5.98"}

amounts = st.decimals(-MAX_GROSS_TURNOVER, MAX_GROSS_TURNOVER, places=6, allow_nan=False)
sale_texts = st.tuples(st.integers(1, 99_999), st.integers(-MAX_GROSS_NUMBER, MAX_GROSS_NUMBER), amounts)


def content(*sales):
    """An order as the cash register writes it; the values are JSON text, so that digits stay as they are."""
    objects = ("{" + ", ".join(f'"{field}": {text}' for field, text in sale.items()) + "}" for sale in sales)
    return '{"sales": [' + ", ".join(objects) + "]}"


def read(text):
    return read_sales(parse_json(text, "content"))


@given(st.lists(sale_texts, min_size=1, max_size=50))
def test_totals_of_each_item_are_exact(sales):
    texts = [
        {"item_no": item_no, "gross_number": number, "gross_turnover": f"{turnover:f}"}
        for item_no, number, turnover in sales
    ]

    totals = read(content(*texts))

    assert totals.keys() == {item_no for item_no, _number, _turnover in sales}
    for item_no, total in totals.items():
        of_item = [(number, turnover) for number_, number, turnover in sales if number_ == item_no]
        assert total.gross_number == sum(number for number, _turnover in of_item)
        # Fractions know no precision, so this sum can't round as the handler's could.
        assert Fraction(total.gross_turnover) == sum(Fraction(turnover) for _number, turnover in of_item)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5.98", "5.98"),
        ("6", "6"),
        ("0.1", "0.1"),
        ("-3.50", "-3.5"),
        ("1e2", "100"),
        ("0", "0"),
        ("1E-6", "0.000001"),
    ],
)
def test_turnover_is_taken_as_written(text, value):
    assert read(content(GOOD | {"gross_turnover": text})) == {1: Sale(2, Decimal(value))}


def test_unknown_fields_are_ignored():
    assert read(content(GOOD | {"cashier": '"Ann"'})) == {1: Sale(2, Decimal("5.98"))}


BAD_VALUES = {
    "item_no": ["0", "-1", "100000", "1.0", "1e0", '"1"', "true", "null", "[1]", "{}"],
    "gross_number": ["2.0", "2.5", "1e3", '"2"', "true", "null", "1000000001", "-1000000001", "9" * 4000],
    "gross_turnover": [
        '"5.98"',
        "true",
        "null",
        "[]",
        "1000000000000.01",
        "-1000000000001",
        "0.0000001",
        "1e13",
        "1e999999",
        "0e999999",
        "1e-999999",
        "9" * 4000 + ".5",
    ],
}


@pytest.mark.parametrize(
    ("field", "text"), [(field, text) for field, texts in BAD_VALUES.items() for text in texts]
)
def test_bad_value_is_refused_without_being_quoted(field, text):
    with pytest.raises(PermanentError) as raised:
        read(content(GOOD, GOOD | {field: text}))

    assert raised.value.reason_code == "SALES_INVALID"
    assert raised.value.reason.startswith(f"sales[1].{field} is not ")


@pytest.mark.parametrize(
    ("field", "text"), [(field, text) for field, texts in BAD_VALUES.items() for text in texts]
)
def test_the_cash_register_does_not_send_what_is_refused(field, text, tmp_path):
    file = tmp_path / "order.json"
    file.write_text(content(GOOD | {field: text}))
    with pytest.raises(UserError, match=r"is not JSON|an order that is not valid"):
        orders.load_orders(file)


def test_the_cash_register_has_the_same_bounds():
    for name in ("MAX_GROSS_NUMBER", "MAX_GROSS_TURNOVER", "MAX_DECIMAL_PLACES"):
        assert getattr(orders, name) == getattr(sales, name)


@given(sale_texts)
def test_the_cash_register_sends_what_is_taken(sale):
    item_no, number, turnover = sale
    order = orders.Order(
        sales=[orders.Sale(item_no=item_no, gross_number=number, gross_turnover=Decimal(turnover))]
    )
    assert read(order.to_json()) == {item_no: Sale(number, Decimal(turnover))}


@pytest.mark.parametrize("field", GOOD)
def test_missing_field_is_refused(field):
    with pytest.raises(PermanentError, match=f"SALES_INVALID: .*{field}"):
        read(content({name: text for name, text in GOOD.items() if name != field}))


@pytest.mark.parametrize(
    ("text", "reason_code"),
    [
        ("{}", "SALES_INVALID"),
        ('{"sales": []}', "SALES_INVALID"),
        ('{"sales": {"item_no": 1}}', "SALES_INVALID"),
        ('{"sales": null}', "SALES_INVALID"),
        ('{"sales": [1]}', "NOT_AN_OBJECT"),
        ("[]", "NOT_AN_OBJECT"),
        ('"sales"', "NOT_AN_OBJECT"),
    ],
)
def test_other_shapes_are_refused(text, reason_code):
    with pytest.raises(PermanentError, match=reason_code):
        read(text)


@pytest.mark.parametrize(
    "number",
    [
        "NaN",
        "Infinity",
        "-Infinity",
        "+1",
        "01",
        ".5",
        "1.",
        "0x1",
        "9" * 5000,
        "1e99999999999999999999",
        "1_000",
    ],
)
def test_number_that_json_does_not_know_is_refused(number):
    with pytest.raises(PermanentError, match="NOT_JSON: content is not valid JSON"):
        read(content(GOOD | {"gross_turnover": number}))


@pytest.mark.parametrize(
    "text",
    ["", "{", "[" * 100_000, '{"sales": [], "sales": []}', '{"a": {"b": 1, "b": 1}}', "{} {}", "\ufeff{}"],
)
def test_text_that_is_no_strict_json_is_refused(text):
    with pytest.raises(PermanentError, match="NOT_JSON"):
        parse_json(text, "content")


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=5), values, max_size=3),
)


@given(
    st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(GOOD, json_values)) | json_values, max_size=3)
)
def test_any_json_is_either_read_or_refused_by_name(sales):
    try:
        totals = read(json.dumps({"sales": sales}))
    except PermanentError as error:
        assert error.reason_code in {"NOT_AN_OBJECT", "SALES_INVALID"}
    else:
        assert all(
            type(item_no) is int and type(sale.gross_number) is int and type(sale.gross_turnover) is Decimal
            for item_no, sale in totals.items()
        )


@given(st.text() | st.binary())
def test_any_text_is_either_json_or_refused_by_name(text):
    try:
        parse_json(text, "content")
    except PermanentError as error:
        assert error.reason_code == "NOT_JSON"
