"""Dead letters are sent through again once each, whatever becomes of them."""

from collections import deque
from types import SimpleNamespace

import pytest

from shop.dead_letters import ShopDeadLetters


class Shop:
    """A queue and a topic: what is published to the topic is soon in the queue again, as another message."""

    def __init__(self, letters):
        self.published = 0
        self.visible = deque()
        self.outputs = {
            "dead_letter_queue_urls": {"process": "queue"},
            "topic_arns": {"to_process": "topic"},
        }
        for _ in range(letters):
            self._add("order")

    def _add(self, body):
        number = len(self.visible) + self.published + 1000
        self.visible.append(
            {
                "MessageId": str(number),
                "ReceiptHandle": str(number),
                "Body": body,
                "Attributes": {"SentTimestamp": "1"},
                "MessageAttributes": {
                    "reason_code": {"StringValue": "ITEM_UNKNOWN", "DataType": "String"},
                    "reason": {"StringValue": "1 of 1 items are not in the shop", "DataType": "String"},
                },
            }
        )

    def client(self, _service, region=None):
        return SimpleNamespace(
            receive_message=lambda **_: {
                "Messages": [self.visible.popleft() for _ in range(min(3, len(self.visible)))]
            },
            delete_message=lambda **_: None,
            change_message_visibility=lambda **_: None,
            publish=self._publish,
        )

    def _publish(self, Message, **_):
        self.published += 1
        if self.published > 100:
            pytest.fail("the same orders are sent again and again")
        self._add(Message)


def test_orders_that_come_back_are_not_sent_twice():
    shop = Shop(letters=12)

    sent, left = ShopDeadLetters(shop).redrive(lambda _letter: True)

    assert len(sent) == shop.published == 12
    assert left == []
