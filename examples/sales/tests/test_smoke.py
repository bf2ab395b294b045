"""One sale of each kind goes all the way, and nobody is denied what they need."""


def test_a_sale_is_booked(sell, shop, item, eventually, iam_denials):
    sale_id = sell(shop, 1, 250)

    booked = eventually(lambda: item(sale_id), what="the sale to be booked", timeout_s=120)

    assert booked == {"id": {"S": sale_id}, "shop": {"S": shop}, "cents": {"N": "250"}}
    assert iam_denials("sales") == []


def test_a_sale_of_no_money_is_rejected_and_an_alert(sell, shop, item, eventually, messages, outputs):
    rejected = messages(outputs["queues"]["rejected"])

    sale_id = sell(shop, 1, 0)

    rejected.wait_for(lambda message: message.body == sale_id, timeout_s=120)
    alert = eventually(lambda: item(f"alert-{sale_id}"), what="the alert of its log line", timeout_s=120)
    assert alert["message"] == {"S": "a sale of no money"}
    assert item(sale_id) is None


def test_what_is_no_sale_is_refused(api):
    assert api.post("sales", content=b"no JSON").status_code == 400


def test_a_function_may_do_what_it_does_and_no_more(stack):
    """`check` runs as a role that may only log."""
    client = stack.client("iam")
    role = stack.function_name("check")
    [name] = client.list_role_policies(RoleName=role)["PolicyNames"]
    statements = client.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]["Statement"]
    assert [each["Action"] for each in statements] == [["logs:CreateLogStream", "logs:PutLogEvents"]]
