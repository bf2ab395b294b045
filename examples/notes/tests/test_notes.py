"""Notes are written and read through the API, and indexed by the queue's function."""

import json


def test_a_note_that_was_written_can_be_read(api, title):
    written = api.post("notes", json={"title": title, "text": "two litres of milk"})
    assert written.status_code == 201

    note = api.get(f"notes/{written.json()['id']}")

    assert note.status_code == 200
    assert note.json()["title"] == title


def test_a_title_becomes_an_id_by_a_library(invoke, aws_event, title):
    event = aws_event.api_gateway("POST", "/notes", body={"title": f"Größe: {title}!", "text": "x"})

    answer = invoke("api", event).json

    assert json.loads(answer["body"]) == {"id": f"grosse-{title.lower().replace(' ', '-')}"}


def test_a_note_is_indexed(api, table, eventually, title):
    note_id = api.post("notes", json={"title": title, "text": "two litres of milk"}).json()["id"]

    eventually(lambda: table(note_id).get("words") == {"N": "4"}, what="the note's words to be counted")


def test_what_is_no_note_is_refused(api):
    refused = api.post("notes", content=b"no JSON")

    assert refused.status_code == 400
    assert "JSON object" in refused.json()["message"]


def test_a_note_that_is_not_there_is_not_found(api):
    assert api.get("notes/never-written").status_code == 404


def test_a_proxy_event_as_the_function_answers_it(invoke, aws_event, matches_snapshot, title):
    event = aws_event.api_gateway("POST", "/notes", body={"title": title, "text": "x"})

    matches_snapshot(invoke("api", event).json, names={title.lower().replace(" ", "-"): "<id>"})
