"""Filter patterns, by the examples of AWS's pages and by what its API was seen to answer."""

import json

import pytest

from serverless_harness.emulator.logs.patterns import InvalidPatternError, parse

ACCESS_LOG = '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'

TRAIL = json.dumps(
    {
        "eventType": "UpdateTrail",
        "sourceIPAddress": "111.111.111.111",
        "arrayKey": ["value", "another value"],
        "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}],
        "SomeObject": None,
        "ThisFlag": True,
        "ThatFlag": False,
        "cluster.name": "c",
        "detail-type": "order",
    }
)
USERS = json.dumps(
    {
        "user": {"id": 1, "email": "John.Stiles@example.com"},
        "users": [{"id": 2, "email": "John.Doe@example.com"}, {"id": 3, "email": "Jane.Doe@example.com"}],
        "actions": ["GET", "PUT", "DELETE"],
        "coordinates": [[0, 1, 2], [4, 5, 6], [7, 8, 9]],
    }
)
NUMBERS = (
    '{"latency": 1500, "numbers": [0.02, 12], "processes": [0,0,0,0,{"averageRuntime": 55.5}],'
    ' "errorCode": 400, "someInt": 123, "someFloat": 12.34, "someFloat2": 12.0, "text": "400",'
    ' "someObject": {}, "someArray": [], "escaped": "error \\"message\\"", "big": 9007199254740993}'
)


def matches(pattern, message):
    return parse(pattern).match(message) is not None


@pytest.mark.parametrize(
    ("pattern", "message", "expected"),
    [
        ("", "anything", True),
        (" ", "anything", True),
        ("ERROR", "[ERROR 400] BAD REQUEST", True),
        ("ERROR", "Exiting with ERRORCODE: -1", True),
        ("ERROR", "[Error] lower case", False),
        ('"ERROR"', "[ERROR] A fatal exception has occurred", True),
        ("ERROR Exception", "[ERROR] Caught IllegalArgumentException", True),
        ("ERROR Exception", "[ERROR] nothing of the kind", False),
        ("Failed to process the request", "[ERROR] Unable to continue: Failed to process the request", True),
        ('"INTERNAL SERVER ERROR"', "[ERROR 500] INTERNAL SERVER ERROR", True),
        ('"INTERNAL SERVER ERROR"', "[ERROR 500] INTERNAL ERROR of a SERVER", False),
        ("ERROR -ARGUMENTS", "[ERROR 400] BAD REQUEST", True),
        ("ERROR -ARGUMENTS", "[ERROR 419] MISSING ARGUMENTS", False),
        ('"ERROR" - "Exiting"', "Exiting with ERRORCODE: -1", False),
        ('"ERROR" - "Exiting"', "[ERROR] A fatal exception has occurred", True),
        ("-DEBUG", "INFO", True),
        ("-DEBUG", "DEBUG", False),
        ("?ERROR ?WARN", "WARN message", True),
        ("?ERROR ?WARN", "ERROR message", True),
        ("?ERROR ?WARN", "INFO message", False),
        ('?"exit code" ?WARN', "an exit code of 1", True),
        # With other terms, those with a question mark have no effect.
        ("?ERROR ?WARN REQUEST", "[INFO] REQUEST FAILED", True),
        ("?ERROR ?WARN REQUEST", "[ERROR] FAILED", False),
        ("ERROR -WARN", "ERROR WARN message", False),
        ("ERROR -WARN", "ERROR message", True),
        (r'"say \"hello\""', 'they say "hello" twice', True),
        (r'"a\\b"', r"path a\b", True),
        ('"päckchen"', "ein päckchen", True),
        ("snake_case", "with snake_case in it", True),
    ],
)
def test_terms(pattern, message, expected):
    assert matches(pattern, message) is expected


@pytest.mark.parametrize(
    ("pattern", "message", "expected"),
    [
        ("%AUTHORIZED%", "[ERROR 401] UNAUTHORIZED REQUEST", True),
        ("%AUTHORIZED%", "[ERROR 401] unauthorized", False),
        ("%^[hc]at%", "hat and coat", True),
        ("%^[hc]at%", "a hat", False),
        ("%[hc]at$%", "a cat", True),
        ("%[hc]at$%", "a cat\n", True),
        ("%[hc]at$%", "cat and dog", False),
        ("%colou?r%", "color", True),
        ("%[a-z]%", "ABC", False),
        ("%[abcx-z]%", "y", True),
        ("%[^abc]%", "abc", False),
        ("%a{3,5}%", "aaa", True),
        ("%a{3,5}%", "aa", False),
        ("%gray|grey%", "grey", True),
        (r"%10\.10\.0\.1%", "from 10.10.0.1", True),
        (r"%10\.10\.0\.1%", "from 10.10.0x1", False),
        ("%ab*c%", "ac", True),
        ("%ab+c%", "ac", False),
        ("%.at%", "cat", True),
        (r"%\d{3}%", "404", True),
        (r"%\D%", "404", False),
        (r"%\s%", "a b", True),
        (r"%^\S+$%", "a b", False),
        (r"%\w%", "-", False),
        (r"%a\x20b%", "a b", True),
        (r"%\x28x\x29%", "(x)", True),
        ("%[Ee]rror|[Ff]ail%", "it will fail", True),
    ],
)
def test_regular_expressions(pattern, message, expected):
    assert matches(pattern, message) is expected


@pytest.mark.parametrize(
    ("pattern", "message", "expected"),
    [
        ('{ $.eventType = "UpdateTrail" }', TRAIL, True),
        ("{$.eventType=UpdateTrail}", TRAIL, True),
        ('{ $.eventType = "updatetrail" }', TRAIL, False),
        ('{ $.eventType != "UpdateTrail" }', TRAIL, False),
        ("{ $.sourceIPAddress != 123.123.* }", TRAIL, True),
        ("{ $.sourceIPAddress = 111.111.* }", TRAIL, True),
        ('{ $.eventType = "*Trail" }', TRAIL, True),
        ('{ $.eventType = "Update*" }', TRAIL, True),
        ('{ $.eventType = "*dateT*" }', TRAIL, True),
        # Within a term, an asterisk is one.
        ('{ $.eventType = "Upd*ail" }', TRAIL, False),
        ("{ $.eventType = * }", TRAIL, True),
        ('{ $.arrayKey[0] = "value" }', TRAIL, True),
        ('{ $.arrayKey[1] = "value" }', TRAIL, False),
        ('{ $.arrayKey[*] = "another value" }', TRAIL, True),
        ('{ $.eventType[0] = "value" }', TRAIL, False),
        ("{ $.objectList[1].id = 2 }", TRAIL, True),
        ("{ $.objectList[1].number = 2 }", TRAIL, False),
        ("{ $.objectList[*].id = 2 }", TRAIL, True),
        ("{ $.objectList[*].id > 2 }", TRAIL, False),
        ("{ $.SomeObject IS NULL }", TRAIL, True),
        ("{ $.ThisFlag IS NULL }", TRAIL, False),
        ("{ $.Missing IS NULL }", TRAIL, False),
        ("{ $.SomeOtherObject NOT EXISTS }", TRAIL, True),
        ("{ $.SomeObject NOT EXISTS }", TRAIL, False),
        ("{ $.SomeObject EXISTS }", TRAIL, True),
        ("{ $.ThisFlag IS TRUE }", TRAIL, True),
        ("{ $.ThatFlag IS FALSE }", TRAIL, True),
        ("{ $.ThatFlag IS TRUE }", TRAIL, False),
        ("{ $.eventType IS TRUE }", TRAIL, False),
        ("{ $['cluster.name'] = \"c\" }", TRAIL, True),
        ("{ $.['cluster.name'] = c }", TRAIL, True),
        ('{ $["cluster.name"] != "c" }', TRAIL, False),
        ('{ $.detail-type = "order" }', TRAIL, True),
        ("{ $.eventType = %Trail% }", TRAIL, True),
        (r"{ $.sourceIPAddress != %^111\.% }", TRAIL, False),
        ("{ $.arrayKey[0] = %val.{2}% }", TRAIL, True),
        # What is missing, null, an object or an array isn't compared.
        ('{ $.Missing != "x" }', TRAIL, False),
        ('{ $.SomeObject != "x" }', TRAIL, False),
        ("{ $.arrayKey != 1 }", TRAIL, False),
        ("{ $.arrayKey = 1 }", TRAIL, False),
        ('{ ($.user.id = 1) && ($.users[0].email = "John.Doe@example.com") }', USERS, True),
        ('{ ($.user.id = 2 && $.users[0].email = "nonmatch") || $.actions[2] = "GET" }', USERS, False),
        (
            '{ $.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = nonmatch'
            " && $.actions[2] = nomatch }",
            USERS,
            True,
        ),
        (
            '{ ($.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = nonmatch)'
            " && $.actions[2] = nomatch }",
            USERS,
            False,
        ),
        ("{ $.coordinates[2][0] = 7 }", USERS, True),
        ("{ $.user.id = 1 }", "no JSON", False),
        ("{ $.user.id NOT EXISTS }", "no JSON", False),
        ("{ $.user.id NOT EXISTS }", '"text"', False),
        ("{ $.a NOT EXISTS }", "{" * 100_000, False),
        ("{ $.a = 1 }", '{"a": 1}\n', True),
    ],
)
def test_json(pattern, message, expected):
    assert matches(pattern, message) is expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("$.latency >= 500", True),
        ("$.numbers[0] < 10e3", True),
        ("$.numbers[0] < 10e-3", False),
        ("$.processes[4].averageRuntime <= 55.5", True),
        ("$.errorCode = 400", True),
        ("$.errorCode != 500", True),
        ("$.latency > +1000", True),
        ("$.latency > -1", True),
        ("$.big = 9007199254740992", False),
        # Seen in answers of TestMetricFilter: with quotes, a number is compared by its text.
        ('$.someInt = "123"', True),
        ('$.someInt != "123.0"', True),
        ("$.someInt = 123.0", True),
        ("$.someFloat2 = 12", True),
        ('$.someFloat2 != "12"', True),
        ("$.someInt = 12*", True),
        ('$.someInt = "*23"', True),
        ("$.someFloat = *.34", True),
        ("$.someFloat != 43.*", True),
        ("$.someInt != 123", False),
        ('$.someInt != "123"', False),
        ("$.text = 400", True),
        ("$.text >= 400", False),
        ('$.someArray != "x"', False),
        ('$.someObject = "x"', False),
        (r'$.escaped = "error \"message\""', True),
    ],
)
def test_numbers(condition, expected):
    assert matches(f"{{ {condition} }}", NUMBERS) is expected


@pytest.mark.parametrize(
    ("pattern", "message", "expected"),
    [
        ("[w1=ERROR, w2]", "ERROR message", True),
        ("[w1=ERROR, w2]", "ERROR WARN message", False),
        ("[w1=ERROR || w1=WARN, w2]", "WARN message", True),
        ("[w1!=ERROR&&w1!=WARN, w2]", "INFO message", True),
        ("[w1!=ERROR&&w1!=WARN, w2]", "WARN message", False),
        ("[ip, user, username, timestamp, request, status_code, bytes]", ACCESS_LOG, True),
        ("[ip, user, username, timestamp, request, status_code]", ACCESS_LOG, False),
        ("[ip, user, username, timestamp, request, status_code, bytes > 1000]", ACCESS_LOG, True),
        ("[ip, user, username, timestamp, request, status_code, bytes > 2e3]", ACCESS_LOG, False),
        ("[ip, user, username, timestamp, request, status_code = 200, bytes]", ACCESS_LOG, False),
        ("[ip, user, username, timestamp, request, status_code = 4*, bytes]", ACCESS_LOG, True),
        ("[ip, user, username, timestamp, request =*.html*, status_code = 4*, bytes]", ACCESS_LOG, True),
        ("[..., request =*.html*, status_code = 4*, bytes]", ACCESS_LOG, True),
        ("[ip, user, ..., status_code, bytes]", ACCESS_LOG, True),
        ("[ip, user, ..., status_code=4*, bytes]", ACCESS_LOG, True),
        ("[ip = 127.*, ...]", ACCESS_LOG, True),
        ("[ip = 10.*, ...]", ACCESS_LOG, False),
        ("[...]", ACCESS_LOG, True),
        ("[ip, ..., status_code = 404 || status_code = 410, bytes]", ACCESS_LOG, True),
        ("[ip, ..., status_code = 4* && status_code != 404, bytes]", ACCESS_LOG, False),
        (r"[ip=%127\.0\.0\.[1-9]%, ..., status_code = 4*, bytes]", ACCESS_LOG, True),
        ("[..., status_code != %4[0-9]{2}%, bytes]", ACCESS_LOG, False),
        ('[a, b="two words"]', 'one "two words"', True),
        ("[a, b]", 'one "unfinished', True),
        ("[a, b > 5]", "one many", False),
        ("[a, b > 5]", "one 1e1\n", True),
        ("[a, b, c]", "one two", False),
    ],
)
def test_space_delimited(pattern, message, expected):
    assert matches(pattern, message) is expected


@pytest.mark.parametrize(
    ("pattern", "characters"),
    [
        ("error:", ":"),
        ("?Status: timeout", ":"),
        ("5c6e-4b20", "-"),
        ('""', '""'),
        ("/path", "/"),
        ("!(", "!("),
        ('"retrieved":[]', ":[]"),
        ("`ERROR`", "`"),
        ("%something!%", "!"),
        ("%a b%", " "),
        ("%(a)%", "("),
        ("%a", "%"),
        ("%a**%", "*"),
        ("%*a%", "*"),
        (r"%\bword%", "\\"),
        ("{ $.a = 'Root' }", "'"),
        ('{ $."sc-status" = 5* }', '$."'),
        ('{ $.message = "a", $.path = "/b" }', ","),
        ('{ $.eventType > "UpdateTrail" }', '"UpdateTrail"'),
        ("{ $.eventType <= UpdateTrail }", "UpdateTrail"),
        ("{ status = 401 }", "status"),
        ("{ $.a = arn:aws }", ":"),
        ("[w1=!ERROR&&w1=!WARN, w2]", "!"),
        ("[a, ..., b, ...]", "..."),
    ],
)
def test_invalid_characters_are_named(pattern, characters):
    with pytest.raises(InvalidPatternError) as caught:
        parse(pattern)
    assert str(caught.value) == f"Invalid character(s) in term '{characters}'"


@pytest.mark.parametrize(
    "pattern",
    [
        "{ $.a = 1",
        "[a, b",
        "{}",
        "{ }",
        "[]",
        "{ $.a }",
        "{ $.a = }",
        "{ $.a IS }",
        "{ $.a IS NOT NULL }",
        "{ $.a NOT }",
        "{ ($.a = 1 }",
        "{ $.a = 1 && }",
        "{ $.a = 1 $.b = 2 }",
        "{ $ = 1 }",
        "{ NOT ($.a = 1) }",
        "{ $.a = %a% || $.b = %b% || $.c = %c% }",
        "[a, b > x]",
        "[a, status = 4* && bytes > 1000]",
        "[a = , b]",
        "-",
        "%%",
        "%[b-a]%",
    ],
)
def test_invalid_patterns_are_refused(pattern):
    with pytest.raises(InvalidPatternError):
        parse(pattern)


def test_a_pattern_that_begins_must_end():
    with pytest.raises(InvalidPatternError, match=r"If a filter pattern starts with '\{' it must end"):
        parse("{ $.a = 1")


def test_extracted_values_of_fields():
    extracted = parse("[..., request=*.html*, status_code=4*,]").match(ACCESS_LOG)
    assert extracted == {
        "$1": "127.0.0.1",
        "$2": "-",
        "$3": "frank",
        "$4": "10/Oct/2000:13:25:15 -0700",
        "$request": "GET /index.html HTTP/1.0",
        "$status_code": "404",
        "$7": "1534",
    }
    assert parse("{ $.eventType = * }").match(TRAIL) == {}


def test_values_that_metrics_and_dimensions_name():
    fields = parse("[ip, ..., status, bytes]")
    assert fields.value(ACCESS_LOG, "$bytes") == "1534"
    assert (fields.has_field("$bytes"), fields.has_field("$size"), fields.has_field("$.bytes")) == (
        True,
        False,
        False,
    )
    document = parse("{ $.latency = * }")
    assert document.value(NUMBERS, "$.latency") == "1500"
    assert document.value(NUMBERS, "$.missing") is None
    assert document.value(NUMBERS, "$.someObject") is None
    assert document.has_field("$.latency")
    assert not document.has_field("latency")
    assert not parse("ERROR").has_field("$.latency")


def test_a_number_too_large_to_compare_is_a_text():
    assert not matches("[a > 1]", "1e99999999999999999999")
