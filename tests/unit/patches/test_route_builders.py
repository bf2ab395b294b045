from werkzeug.routing import Map, Rule

from serverless_harness.emulator.patches import route_builders


def test_an_address_is_made_of_a_routes_values_as_before(monkeypatch):
    compiled = []

    def compile_builder(rule, append_unknown):
        compiled.append(append_unknown)
        return werkzeugs(rule, append_unknown)

    werkzeugs = Rule._compile_builder
    monkeypatch.setattr(
        Rule,
        "_compile_builder",
        lambda self, append_unknown=True: route_builders._compile_late(compile_builder, self, append_unknown),
    )
    address = Map([Rule("/apis/<rule>/stages/<int:number>", endpoint="stage")]).bind("localhost")
    assert address.match("/apis/a1/stages/7") == ("stage", {"rule": "a1", "number": 7})
    assert compiled == [], "matching compiled what makes addresses"
    values = {"rule": "a b", "number": 7, "page": "2"}
    assert address.build("stage", values) == "/apis/a%20b/stages/7?page=2"
    assert address.build("stage", values, append_unknown=False) == "/apis/a%20b/stages/7"
    assert address.build("stage", values) == "/apis/a%20b/stages/7?page=2"
    assert compiled == [True, False]
