"""The settings that decide what is computed: which lanes with which windows, disorder and the bound of the future.

Times are milliseconds, TTLs seconds. Defaults are those of host/config/config.h and of the catalogue.
"""

from dataclasses import dataclass, field

SECOND, MINUTE, HOUR = 1000, 60_000, 3_600_000


@dataclass
class Window:
    name: str
    session: bool = False
    length_ms: int = 0  # rolling
    gap_ms: int = 0  # session: a longer pause ends the run
    max_ms: int = 12 * HOUR  # session: a run lasts no longer
    lateness_ms: int = 5 * MINUTE  # session: how long after its end its log still stands
    emit_ms: int = SECOND  # in this time there is one more change to write
    burst: int = 5  # changes at once
    ttl_s: int = 0  # 0: length or gap, and ten minutes

    def __post_init__(self):
        if self.ttl_s == 0:
            self.ttl_s = (self.gap_ms if self.session else self.length_ms) // 1000 + 600


@dataclass
class LaneSettings:
    name: str
    windows: list
    metrics: list  # names of metric parsers
    params: dict = field(default_factory=dict)  # those that are not the default
    key_records: int = 0  # 0: those of the settings


@dataclass
class Settings:
    lanes: list
    disorder_ms: int = 5 * SECOND
    future_ms: int = 10 * MINUTE
    key_records: int = 10_000
