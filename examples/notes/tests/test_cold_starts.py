"""The first call of an environment pays for its init; the next one doesn't."""


def test_the_second_call_is_warm(invoke, make_cold, aws_event, eventually):
    event = aws_event.api_gateway(
        "GET", "/notes/none", path_parameters={"id": "none"}, resource="/notes/{id}"
    )

    def cold_then_warm():
        make_cold("api")
        first, second = invoke("api", event), invoke("api", event)
        assert first.is_cold
        assert not second.is_cold
        return first, second

    # A test beside this one may call the function in between, and so take the environment: then once more.
    first, second = eventually(cold_then_warm, what="a cold call and then a warm one", timeout_s=120)

    assert second.report.duration_ms < first.report.duration_ms + first.report.init_duration_ms
