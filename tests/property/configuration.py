"""Shoplane's configuration files (libconfig), as far as the model needs them: read into `Settings`, and written from them."""

import re
from decimal import Decimal

from settings import HOUR, LaneSettings, MINUTE, SECOND, Settings, Window

UNITS = {"ms": 1, "s": SECOND, "m": MINUTE, "h": HOUR, "d": 24 * HOUR}

TOKEN = re.compile(
    r"""
    (?P<space> \s+ | (?:\#|//)[^\n]* | /\*.*?\*/ )
  | (?P<text> "(?:[^"\\]|\\.)*" )
  | (?P<number> [-+]?(?:0[xX][0-9a-fA-F]+|\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+)L{0,2} )
  | (?P<name> [A-Za-z*][-A-Za-z0-9_*]* )
  | (?P<mark> [=:;,{}()\[\]] )
""",
    re.VERBOSE | re.DOTALL,
)

CLOSING = {"(": ")", "[": "]"}
ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "f": "\f"}


class _Reader:
    """Recursive descent over the tokens of one file."""

    def __init__(self, text):
        self.tokens, at = [], 0
        while at < len(text):
            match = TOKEN.match(text, at)
            if not match:
                raise ValueError(f"configuration: can't read on from {text[at:at + 30]!r}")
            if match.lastgroup != "space":
                self.tokens.append((match.lastgroup, match[0]))
            at = match.end()
        self.at = 0

    def peek(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "")

    def take(self):
        token = self.peek()
        self.at += 1
        return token

    def group(self, end):
        settings = {}
        while self.peek()[1] != end:
            name = self.take()[1]
            self.take()  # = or :
            settings[name] = self.value()
            if self.peek()[1] in (";", ","):
                self.take()
        self.take()
        return settings

    def value(self):
        kind, written = self.take()
        if kind == "text":
            pieces = [written]
            while self.peek()[0] == "text":  # adjacent texts are one
                pieces.append(self.take()[1])
            return "".join(re.sub(r"\\(.)", lambda m: ESCAPES.get(m[1], m[1]), piece[1:-1]) for piece in pieces)
        if kind == "number":
            digits = written.rstrip("L")
            return (
                int(digits, 16)
                if digits.lower().startswith("0x")
                else Decimal(digits) if re.search(r"[.eE]", digits) else int(digits)
            )
        if kind == "name":
            return {"true": True, "false": False}[written.lower()]
        if written == "{":
            return self.group("}")
        items = []
        while self.peek()[1] != CLOSING[written]:
            items.append(self.value())
            if self.peek()[1] == ",":
                self.take()
        self.take()
        return items


def duration_ms(written):
    """300, 0.5: seconds; "250ms", "30s", "1.5m", "1h", "7d"."""
    if isinstance(written, str):
        digits, unit = re.fullmatch(r"\s*([0-9.]+)\s*([a-z]+)\s*", written).groups()
        return int(Decimal(digits) * UNITS[unit])
    return int(Decimal(written) * 1000)


def _window(group, burst):
    times = {"length": "length_ms", "gap": "gap_ms", "max": "max_ms", "lateness": "lateness_ms", "emit": "emit_ms"}
    known = {ours: duration_ms(group[theirs]) for theirs, ours in times.items() if theirs in group}
    ttl_s = duration_ms(group["ttl"]) // 1000 if "ttl" in group else 0
    burst = int(group.get("burst", burst))
    return Window(group["name"], session="gap" in group, ttl_s=ttl_s, burst=burst, **known)


def _lane(group, burst):
    burst = int(group.get("burst", burst))
    metrics = [metric if isinstance(metric, str) else metric["metric"] for metric in group["metrics"]]
    return LaneSettings(
        group["lane"], [_window(window, burst) for window in group["windows"]], metrics, group.get("params", {}),
        int(group.get("key_records", 0)),
    )


def read_text(text):
    """The settings in the text of a configuration. Only for files that Shoplane takes: mistakes are its business."""
    root = _Reader(text).group("")
    source = root.get("source", {})
    times = {"disorder": "disorder_ms", "future": "future_ms"}
    known = {ours: duration_ms(source[theirs]) for theirs, ours in times.items() if theirs in source}
    if "key_records" in root.get("limits", {}):
        known["key_records"] = int(root["limits"]["key_records"])
    burst = int(root.get("burst", Window.burst))
    return Settings([_lane(lane, burst) for lane in root["lanes"]], **known)


def read(path):
    """The settings of a configuration file."""
    with open(path, encoding="utf-8") as file:
        return read_text(file.read())


# Writing


def _setting(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return str(value)


def _ms(time_ms):
    return f'"{time_ms}ms"' if time_ms % 1000 else str(time_ms // 1000)


def _window_text(window):
    if window.session:
        extent = f"gap = {_ms(window.gap_ms)}; max = {_ms(window.max_ms)}; lateness = {_ms(window.lateness_ms)};"
    else:
        extent = f"length = {_ms(window.length_ms)};"
    return f'{{ name = "{window.name}"; {extent} emit = {_ms(window.emit_ms)}; burst = {window.burst}; ttl = {window.ttl_s}; }}'


def _lane_text(lane):
    params = "".join(f" {name} = {_setting(value)};" for name, value in lane.params.items())
    windows = ",\n                ".join(_window_text(window) for window in lane.windows)
    metrics = ", ".join(f'"{metric}"' for metric in lane.metrics)
    return (
        f'  {{ lane = "{lane.name}";\n'
        + (f"    key_records = {lane.key_records};\n" if lane.key_records else "")
        + (f"    params = {{{params} }};\n" if params else "")
        + f"    windows = ( {windows} );\n    metrics = ( {metrics} ); }}"
    )


def write_text(settings, workers=1, batch=1000, files=("events",), plugins=None):
    """A configuration with these settings, for files and the event clock. `plugins` None: left to the program."""
    lanes = ",\n".join(_lane_text(lane) for lane in settings.lanes)
    names = ", ".join(_setting(str(file)) for file in files)
    return (
        f"workers = {workers};\n"
        + (f"plugins = {_setting(str(plugins))};\n" if plugins else "")
        + f'source: {{ kind = "files"; files = [ {names} ]; clock = "event"; batch = {batch};'
        f" disorder = {_ms(settings.disorder_ms)}; future = {_ms(settings.future_ms)}; }};\n"
        f"limits: {{ key_records = {settings.key_records}; }};\n"
        f'dead_letters: {{ file = "/dev/null"; }};\nlanes = (\n{lanes}\n);\n'
    )
