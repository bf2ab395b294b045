"""The first call of an environment pays for its init; the next one doesn't."""


def test_the_second_call_is_warm(invoke, make_cold, aws_event):
    make_cold("api")
    event = aws_event.api_gateway(
        "GET", "/notes/none", path_parameters={"id": "none"}, resource="/notes/{id}"
    )

    first, second = invoke("api", event), invoke("api", event)

    assert first.is_cold
    assert not second.is_cold
    assert second.report.duration_ms < first.report.duration_ms + first.report.init_duration_ms
