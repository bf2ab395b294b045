"""Many sales at once while services and functions fail: each is booked once, or in a dead-letter queue."""

from concurrent.futures import ThreadPoolExecutor

SALES, CLIENTS = 30, 4
TIMEOUT_S = 240


def test_nothing_is_lost_under_load_and_faults(stack, sell, shop, item, fault, eventually, messages, outputs):
    dead = messages(outputs["queues"]["not_started"])

    def strike(effect, **fields):
        return fault(effect, expires_in_s=2 * TIMEOUT_S, **fields)

    # What services do as a role is struck by the role's name: the mapping's calls, and the workflow's.
    start = stack.function_name("start")
    workflow = start.removesuffix("start") + "workflow"
    struck = [
        strike("throttle", service="sqs", operation="ReceiveMessage", caller=start, first_calls=2),
        strike("server-error", service="sqs", operation="DeleteMessage*", caller=start, first_calls=2),
        strike("throttle", service="stepfunctions", containing=shop, first_calls=4),
        strike("throttle", service="dynamodb", containing=shop, caller=workflow, first_calls=4),
    ]
    strike("kill", function=start, containing=shop, first_calls=1)

    with ThreadPoolExecutor(CLIENTS) as clients:
        numbers = [*range(SALES), *range(0, SALES, 8)]  # Every eighth comes twice.
        sale_ids = set(clients.map(lambda number: sell(shop, number, 100 + number), numbers))

    def missing():
        given_up = "".join(message.body for message in dead.all())
        return [each for each in sale_ids if f'"{each}"' not in given_up and item(each) is None]

    eventually(lambda: not missing(), what="each sale to be booked or a dead letter", timeout_s=TIMEOUT_S)
    assert len(sale_ids) == SALES
    assert all(each.now().injected for each in struck), [each.now() for each in struck]
