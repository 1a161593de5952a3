"""Events of every shape, to compare `shoplane parse` with Snowplow's own Python analytics SDK.

    parse_oracle.py SHOPLANE SEED COUNT     run by parse_oracle.sh, which makes the virtualenv that has the SDK

Makes COUNT lines from the seed (valid events, and events broken in every way that seemed worth a try), gives them to the
program and to the SDK, and compares: what the SDK takes must come out equal as JSON and in order, what it refuses must be
a dead letter, whole. NaN can't be said in JSON: a result with NaN in it must be a dead letter too. The first differences
are printed with their lines; status 1 if there is any.
"""

import io
import json
import random
import subprocess
import sys
import tempfile

from snowplow_analytics_sdk.event_transformer import ENRICHED_EVENT_FIELD_TYPES, transform

FIELDS = [(name, convert.__name__.replace("convert_", "")) for name, convert in ENRICHED_EVENT_FIELD_TYPES]
INDEX = {name: index for index, (name, _) in enumerate(FIELDS)}
OLD_PYTHON = sys.version_info < (3, 12)  # later ones nest JSON deeper and know more digits

# Pieces of text -----------------------------------------------------------------------------------------------------

CHARACTERS = [
    "a", "B", "7", " ", "_", "-", ".", "/", "\\", '"', "'", "\r", "\x00", "\x01", "\x0b", "\x0c", "\x1c", "\x1f",
    "\x7f", "\x85", "\xa0", "\xad", "\xe9", "\u0130", "\u0660", "\u200b", "\u2028", "\u2029", "\u20ac", "\ufeff",
    "\uffff", "\U0001f600", "\U0010ffff", "{", "}", "[", "]", ":", ",", "<", "&", "%",
]
NUMBERS = [
    "0", "-0", "+0", "007", "1", "-1", "+5", " 5 ", "5 ", "1_000", "1__0", "_1", "1_", "- 1", "--1", "+-1", "1.0",
    "1.", ".5", ".", "-.5", "+.5e-3", "1e5", "1E+5", "1e", "1e+", "e5", "1e400", "-1e400", "1e-400", "4.9e-324",
    "2.5e-324", "1.7976931348623157e308", "1.7976931348623159e308", "0.1", "0.30000000000000004",
    "123456789012345678", "9007199254740993", "9007199254740992.9999", "1e22", "1e23", "1e16", "123456789.123456789",
    "42.99", "5e-5", "1e-4", "0.00001", "100000000000000000000000", "9223372036854775807", "9223372036854775808",
    "-9223372036854775809", "2147483648", "nan", "NaN", "-nan", "inf", "-inf", "+Infinity", "iNf", "infinit",
    "nan(1)", "0x10", "0x1p3", "0b1", "0o7", "1L", "1j", "1,5", "1 000", "\x1c5", "\x855", "\u00a05\u3000", "5\x7f",
    "5\x00", "\x005", "\u0665", "\u0661\u0662.\u0663", "\uff15e\uff12", "\U0001d7d9", "\u0967_\u0968", "\u00b2",
    "\u2460", "\u4e94", "1\u2212", "\u22121", "\x0b5\x0c", "\r5", "5\r", "1_0.5", "1_.5", "1._5", "1e1_0", "1e_1",
    "\u200b5", "\ufeff5", "true", "True", "null", "''", "1e99999999999999999999", "0e99999999999999999999",
    "1e-99999999999999999999", "\u2028 5\u2003",
]
JSON_NUMBERS = [
    "0", "-0", "-0.0", "1", "-1", "01", "+1", "1.", ".5", "1.0", "1.50", "1e5", "1E-5", "1e", "-", "1e400", "-1e400",
    "4.9e-324", "123456789012345678901234567890", "-9223372036854775809", "18446744073709551616", "0.1", "1_0",
    "9007199254740993", "0.1000000000000000055511151231257827", "NaN", "Infinity", "-Infinity", "-NaN", "0x1",
    "\u0661", "1e99999999999999999999", "1E+2", "0e0", "-1.5E-3",
]
STRINGS = [
    '""', '"a"', '"\\u00e9"', '"\\ud83d\\ude00"', '"\\ud800"', '"\\udc00\\ud800"', '"\\ud800\\u0041"',
    '"\\uD83D\\uDE00x"', '"\\ud83d\\ud83d\\ude00"', '"\\u0000"', '"\\/"', '"/"', '"\\b\\f\\n\\r\\t\\"\\\\"', '"\\x"',
    '"\\u12"', '"\\u12g4"', '"\\ud800\\u12"', '"\\', '"', "'a'", '"\x01"', '"\r"', '"\x7f"', '"\x00"',
    '"\x85\u2028\u2029"', '"\U0001f600"', '"\ufeff"', '"Infinity"', '"NaN \\" Infinity"',
    '"iglu:a/b/jsonschema/1-0-0"', '"\\u0069glu"', '"' + "x" * 70 + '"', '"1234567\\n89"',
]
SPACES = ["", "", "", "", " ", "  ", "\r", " \r ", "\x0b", "\xa0", "\ufeff"]


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.broken = 0.0  # how likely a piece of JSON is broken

    def chance(self, probability):
        return self.random.random() < probability

    def pick(self, items):
        return self.random.choice(items)

    def text(self):
        if self.chance(0.6):
            return self.pick(
                [
                    "web", "shop", "page_view", "Mozilla/5.0 (X11; Linux x86_64)",
                    "https://shop.example/a?b=c&d=%20e", "caf\u00e9", "\u5546\u54c1", 'a\\b"c',
                ]
            )
        return "".join(self.pick(CHARACTERS) for _ in range(self.random.randint(1, 12)))

    def space(self):
        if not self.broken:
            return self.pick(SPACES[:6])
        return self.pick(SPACES) if self.chance(0.1) else ""

    # JSON, as text ---------------------------------------------------------------------------------------------------

    def string(self):
        if self.chance(0.3):
            return json.dumps(self.text(), ensure_ascii=self.chance(0.5))
        return self.pick(STRINGS if self.chance(self.broken) else STRINGS[:10])

    def value(self, depth=0):
        kind = self.random.randint(0, 9)
        if depth > 4:
            kind = max(kind, 4)
        if kind < 2:
            return self.object(
                [
                    (self.string() if self.chance(0.3) else '"%s"' % self.pick("abc"), self.value(depth + 1))
                    for _ in range(self.random.randint(0, 4))
                ]
            )
        if kind < 4:
            return self.array([self.value(depth + 1) for _ in range(self.random.randint(0, 4))])
        if kind < 6:
            return self.string()
        if kind < 9:
            if self.chance(self.broken):
                return self.pick(JSON_NUMBERS)
            return self.pick(
                [str(self.random.randint(-(10**6), 10**6)), repr(self.random.uniform(-1e3, 1e3)), "49.95", "200"]
            )
        return (
            self.pick(["true", "false", "null", "True", "nul", ""])
            if self.chance(self.broken)
            else self.pick(["true", "false", "null"])
        )

    def object(self, members):
        colon, comma = ":", ","
        if self.chance(self.broken / 10):
            colon, comma = self.pick([("=", ","), (":", ";"), (":", ",,"), ("", ","), ("::", ","), (":", "")])
        inside = (self.space() + comma + self.space()).join(
            name + self.space() + colon + self.space() + value for name, value in members
        )
        if self.chance(self.broken / 10):
            inside += ","
        return "{" + self.space() + inside + self.space() + "}"

    def array(self, items):
        inside = (self.space() + "," + self.space()).join(items)
        if self.chance(self.broken / 10):
            inside = self.pick([inside + ",", "," + inside, inside + " "])
        return "[" + self.space() + inside + self.space() + "]"

    def uri(self):
        vendor = self.pick(
            ["com.acme", "com.snowplowanalytics.snowplow", "com.Acme-Shop", "com.acme_x", "A", "9", "a..b", "-", "_._"]
        )
        name = self.pick(
            [
                "product", "addToCart", "HTTPHeader", "http_Header", "web_page", "aBCdE", "a-B", "X", "x9Y", "-Ab",
                "_A_B", "client_session", "product", "Product", "aB1C",
            ]
        )
        version = self.pick(["1-0-0", "1-0-1", "2-0-0", "10-20-30", "1-0-0", "123456789012345678901234-0-0"])
        uri = "iglu:%s/%s/jsonschema/%s" % (vendor, name, version)
        if self.chance(self.broken):
            uri = self.pick(
                [
                    uri + "\n", uri + "\n\n", "\n" + uri, uri + " ", " " + uri, uri[:-1], uri + "-0",
                    uri.replace("iglu", "Iglu"), uri.replace("1-0-0", "01-0-0"), uri.replace("1-0-0", "0-0-0"),
                    uri.replace("1-0-0", "1-00-0"), uri.replace("-0", "-01"), uri.replace("jsonschema/", ""),
                    uri.replace("/", "\\"), uri.replace("com", "c\u00f6m"), uri.replace("acme", "ac me"),
                    uri.replace("1-", "\u0661-"), uri.replace(":", ":/"), uri.replace("jsonschema", ""),
                    uri.replace("product", "pro.duct"), "", uri + "/", uri.replace("jsonschema", "json.schema"),
                    uri.replace("jsonschema", "avro-1_x"), uri + "\r", uri + "\x00",
                ]
            )
        return uri

    def uri_text(self):
        text = json.dumps(self.uri(), ensure_ascii=self.chance(0.5))
        if self.chance(0.2):
            text = text.replace("/", "\\/")
        if self.chance(0.1):
            text = text.replace("i", "\\u0069", 1)
        return text

    def described(self, data):
        schema = '"schema"' if self.chance(0.95) else '"\\u0073chema"'
        data_name = '"data"' if self.chance(0.95) else '"d\\u0061ta"'
        members = [(schema, self.uri_text()), (data_name, data)]
        if self.chance(0.3):
            members.reverse()
        if self.chance(self.broken / 3):
            members.append(
                self.pick(
                    [
                        (schema, self.uri_text()), (data_name, self.value()), ('"other"', self.value()),
                        ('"dat"', "1"), ('"data "', "2"), ('"Data"', "3"), (data_name, "[]"), (schema, "null"),
                        (data_name, "null"), (data_name, '{"a":NaN}'),
                    ]
                )
            )
            self.random.shuffle(members)
        if self.chance(self.broken / 3):
            members.pop(self.random.randrange(len(members)))
        return self.object(members)

    def contexts(self):
        entities = [self.described(self.value(2)) for _ in range(self.pick([0, 1, 1, 2, 3, 5, 8]))]
        if self.chance(self.broken / 4):
            entities.append(self.value())
        data = self.array(entities)
        if self.chance(self.broken / 6):
            data = self.pick(
                [
                    "{}", "{ }", '""', "null", "1", "true", '"abc"', '{"a":1}', "[[]]", "[{}]", '[""]', "[null]",
                    "NaN", self.value(),
                ]
            )
        return self.garnish(self.described(data))

    def unstruct(self):
        inner = self.described(self.value(1))
        if self.chance(self.broken / 6):
            inner = self.pick(
                ["{}", "[]", '""', '"data"', '"schema data"', '["data","schema"]', "null", "1", "true", self.value()]
            )
        return self.garnish(self.described(inner))

    def garnish(self, column):
        """What may stand around a column's JSON, or be done to its characters."""
        if self.chance(self.broken / 8):
            column = self.pick(
                [
                    " " + column, column + " ", "\ufeff" + column, column + "\x00", column + "x", column + column,
                    "[" + column + "]", "\r" + column + "\r", "null", "[]", "{}", '"data"', "1", "NaN", " ",
                    '["data"]', "\xa0" + column,
                ]
            )
        if self.chance(self.broken / 4) and column:
            place = self.random.randrange(len(column))
            kind = self.random.randint(0, 3)
            if kind == 0:
                column = column[:place] + column[place + 1 :]
            elif kind == 1:
                column = column[:place] + self.pick(CHARACTERS + JSON_NUMBERS) + column[place:]
            elif kind == 2:
                column = column[:place]
            else:
                column = column[:place] + self.pick(CHARACTERS) + column[place + 1 :]
        return column.replace("\t", " ").replace("\n", " ")

    def deep(self):
        depth = self.pick([10, 100, 500, 900] + ([1001, 1100, 5000] if OLD_PYTHON else []))
        opening, closing = self.pick([("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
        depth //= opening.count("[") + opening.count("{")
        return '{"data":[{"schema":"iglu:a/deep/jsonschema/1-0-0","data":%s1%s}]}' % (opening * depth, closing * depth)

    # Lines -----------------------------------------------------------------------------------------------------------

    def column(self, kind):
        if kind in ("contexts", "unstruct"):
            return getattr(self, kind)()
        if kind == "int":
            return str(self.random.randint(0, 10 ** self.random.randint(1, 9)))
        if kind == "double":
            return self.pick(
                [
                    repr(self.random.uniform(-180, 180)), "%.2f" % self.random.uniform(0, 500),
                    str(self.random.randint(0, 99)),
                    repr(self.random.uniform(0, 1) * 10.0 ** self.random.randint(-320, 300)),
                ]
            )
        if kind == "bool":
            return self.pick("01")
        if kind == "tstamp":
            return "2026-11-%02d %02d:00:02.%03d" % (
                self.random.randint(1, 30),
                self.random.randint(0, 23),
                self.random.randint(0, 999),
            )
        return self.text().replace("\t", " ").replace("\n", " ")

    def odd_column(self, kind):
        if kind == "int" or kind == "double":
            return self.pick(
                [
                    self.pick(NUMBERS), self.pick(NUMBERS),
                    "".join(self.pick("0123456789_.eE+- ") for _ in range(self.random.randint(1, 8))),
                    str(self.random.getrandbits(self.random.randint(1, 2000))), "9" * self.pick([4300, 4301]),
                    "0" * self.pick([4300, 4301]), self.text().replace("\t", " ").replace("\n", " "),
                ]
            )
        if kind == "bool":
            return self.pick(["2", "true", "01", " 1", "1 ", "\uff11", "t", "-", "0\r"])
        if kind == "tstamp":
            return self.pick(
                [
                    "now", "2026-13-45  25:61:61", " ", "2026-11-22T10:00:00Z", "\u3000 x", "-2006-01-01 00:00:00",
                    "\r", '"',
                ]
            )
        return self.pick(["", self.column(kind), self.column("string")])

    def line(self):
        full = self.pick([0.0, 0.1, 0.5, 0.9])
        self.broken = self.pick([0.0, 0.0, 0.05, 0.3])
        columns = [
            self.column(kind) if self.chance(max(full, 0.6 if kind in ("contexts", "unstruct") else 0)) else ""
            for _, kind in FIELDS
        ]
        if self.chance(0.3):
            for _ in range(self.pick([1, 1, 2, 5])):
                place = self.random.randrange(len(columns))
                if self.chance(0.7):  # mostly where it matters
                    place = self.pick([i for i, (_, kind) in enumerate(FIELDS) if kind not in ("string", "tstamp")])
                columns[place] = self.odd_column(FIELDS[place][1])
        if self.chance(0.05):
            a, b = self.random.randrange(131), self.random.randrange(131)
            columns[a], columns[b] = columns[b], columns[a]
        if self.chance(0.02):
            columns[INDEX["derived_contexts"]] = columns[INDEX["contexts"]]
        if self.chance(0.01):
            columns[self.pick([INDEX["contexts"], INDEX["derived_contexts"]])] = self.deep()
        if self.chance(0.005):
            columns[INDEX["unstruct_event"]] = '{"data":{"schema":"iglu:a/b/c/1-0-0","data":%s}}' % self.pick(
                ["9" * 4300, "-" + "9" * 4300, "9" * 4301, "9" * 5000 + ".0", "9" * 5000 + "e0", "0." + "1" * 5000]
            )
        if self.chance(0.02):
            place = self.random.randrange(len(columns) + 1)
            columns = self.pick(
                [
                    columns[:place], columns + [""], columns[:place] + columns[place + 1 :],
                    columns[:place] + ["x"] + columns[place:], [], ["x"], [""] * 131,
                ]
            )
        line = "\t".join(columns).encode("utf-8")
        if self.chance(0.02):
            line += b"\r"
        if self.chance(0.04) and line:
            place = self.random.randrange(len(line))
            line = (
                line[:place]
                + self.pick(
                    [
                        b"", b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc2", b"\xe2\x82", b"\t",
                        b"\x00", bytes([self.random.randrange(256)]), b"\xc2\x85", b"\xe2\x80\xa8",
                        b"\xf0\x80\x80\x80",
                    ]
                )
                + line[place + self.random.randint(0, 1) :]
            )
        return line.replace(b"\n", b" ")


def has_nan(value):
    stack = [value]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            stack.extend(value.values())
        elif isinstance(value, list):
            stack.extend(value)
        elif isinstance(value, float) and value != value:
            return True
    return False


def hides_nan(line):
    """NaN in an entity that a later member of the same name replaces: the one case where the program refuses what the SDK
    could print (sdk_json.h)."""
    return b"NaN" in line


def oracle(line):
    """The SDK's result, or None if it refuses the line (or if no JSON can say it)."""
    try:
        result = transform(line.decode("utf-8"), add_geolocation_data=False)
    except Exception:
        return None
    return None if has_nan(result) else result


def refuse_word(word):
    raise ValueError(word + " is no JSON")


def read_output(text):
    """The event of a line of output; raises ValueError if it is not JSON, or has a key twice."""
    last = []

    def note(pairs):
        last[:] = [pairs]
        return dict(pairs)

    event = json.loads(text, parse_constant=refuse_word, object_pairs_hook=note)
    if not isinstance(event, dict) or len(last[0]) != len(event):
        raise ValueError("no object, or a key that occurs twice")
    return event


def same(found, wanted):
    """Compared as text, too: 5 is not 5.0, and true is not 1."""
    return found == wanted and json.dumps(found, sort_keys=True) == json.dumps(wanted, sort_keys=True)


def plain(text):
    """However many replacement characters stand for bytes that are not UTF-8."""
    return text.replace("\ufffd", "")


def run_program(program, lines):
    """What it prints as events, and the dead letters' payloads."""
    with tempfile.TemporaryDirectory() as folder:
        letters_path = folder + "/letters.jsonl"
        run = subprocess.run(
            [program, "parse", "--dead-letters", letters_path],
            input=b"\n".join(lines) + b"\n",
            stdout=subprocess.PIPE,
            check=True,
        )
        with open(letters_path, "rb") as file:
            letters = [json.loads(letter) for letter in file.read().split(b"\n")[:-1]]
    # as a reader in text mode sees them, to whom more than \n may end a line
    texts = io.TextIOWrapper(io.BytesIO(run.stdout), encoding="utf-8").read().splitlines()
    return texts, letters


def main():
    program, seed, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    maker = Maker(seed)
    lines = [maker.line() for _ in range(count)]
    texts, letters = run_program(program, lines)
    taken = refused = hidden = differences = 0
    text_at = letter_at = 0

    def differ(what, number, line, more=""):
        nonlocal differences
        differences += 1
        if differences <= 10:
            print("line %d: %s %s\n  %r" % (number, what, str(more)[:2000], line[:3000]))

    for number, line in enumerate(lines, 1):
        wanted = oracle(line)
        letter = letters[letter_at] if letter_at < len(letters) else None
        is_letter = letter is not None and plain(letter["data"]["payload"]) == plain(line.decode("utf-8", "replace"))
        found, problem = None, ""
        try:
            if text_at < len(texts):
                found = read_output(texts[text_at])
        except ValueError as error:
            problem = error
        if wanted is None:
            if is_letter:
                letter_at += 1
                refused += 1
            else:
                text_at += 1
                differ("the SDK refuses it, the program does not", number, line)
        elif found is not None and same(found, wanted):
            text_at += 1
            taken += 1
        elif is_letter:
            letter_at += 1
            if hides_nan(line):
                hidden += 1
            else:
                differ("the SDK takes it, the program does not:", number, line, letter["data"]["failure"])
        else:
            text_at += 1
            keys = [key for key in {**wanted, **(found or {})} if wanted.get(key) != (found or {}).get(key)]
            differ("another result", number, line, problem or [(k, wanted.get(k), (found or {}).get(k)) for k in keys])
    if text_at != len(texts) or letter_at != len(letters):
        differ("left over: %d events, %d letters" % (len(texts) - text_at, len(letters) - letter_at), 0, b"")
    print(
        "seed %d: %d events compared with the SDK: %d taken, %d refused by both, "
        "%d refused for a NaN that is hidden in the SDK's result, %d differences"
        % (seed, count, taken, refused, hidden, differences)
    )
    sys.exit(1 if differences else 0)


main()
