"""Checks a sale before it is booked; what can't be one is an error, which is logged as JSON."""

import json


class InvalidSaleError(Exception):
    """The sale can't be booked, however often it is tried."""


def handler(event, context):
    if not isinstance(event["cents"], int) or event["cents"] <= 0:
        print(json.dumps({"level": "ERROR", "sale": event["id"], "message": "a sale of no money"}))
        raise InvalidSaleError(event["id"])
    return {**event, "cents": str(event["cents"])}
