#!/usr/bin/env python3
"""The host compares Redis with its own records: quiet while all is well, and with evidence where somebody else has written.

    audit.py BUILD_DIR [--only WORD] [--keep FOLDER]
"""

import re

from live import end, event, product_lane, session_lane, set_up
from servers import check, run_main, wait_for


def figures(host):
    """(features audited, wrong, written again, impure or stale) of the newest report."""
    lines = re.findall(r" (\d+) audited \((\d+) wrong, (\d+) written again, (\d+) impure or stale\)", host.text())
    return [int(figure) for figure in lines[-1]] if lines else [0, 0, 0, 0]


def all_is_well(servers):
    """Traffic of many shoppers, windows that empty and values that change: hundreds are compared, none is wrong."""
    redis, _, host, producer, _ = set_up(servers, product_lane("3s", "0s", "1h"), session_lane("2s", "0s", "10s", "1s"),
                                         sink={"audit": "10ms"})
    rounds = 0

    def enough():
        nonlocal rounds
        rounds += 1
        producer.send(*(event("product_view", f"u{rounds % 7}{n}", f"s{rounds % 5}{n}", str(rounds % 4)) for n in range(10)))
        return figures(host)[0] >= 500
    wait_for(enough, 60, lambda: f"500 features are compared:\n{host.tail()}", every_s=0.05)
    check(figures(host)[1] == 0 and "audit:" not in host.text(), f"nothing is wrong:\n{host.tail()}")
    check(redis.keys(), "there are features")
    end(host)


def what_others_write_is_found(servers):
    """A value that is overwritten: a line with the evidence."""
    redis, _, host, producer, _ = set_up(servers, product_lane("1h", "0s", "1h"), sink={"audit": "10ms"})
    producer.send(event("product_view", "ann", product="1"))
    wait_for(lambda: redis.get("user:ann:product_view_count_w") == "1", 20, "ann's count")
    redis.ask("SET", "user:ann:product_view_count_w", "7")
    wait_for(lambda: "audit: user:ann:product_view_count_w is \"7\" in Redis, but its 1 records say \"1\" (lane product, parser "
             "product_views, window w, folded as of " in host.text(), 20, lambda: f"the overwritten value is found:\n{host.tail()}")
    check("this host wrote what they say: who else writes there?" in host.text(), host.tail())
    wait_for(lambda: figures(host)[1] >= 1, 10, lambda: f"and counted:\n{host.tail()}")
    check(redis.get("user:ann:product_view_count_w") == "7" and figures(host)[2] == 0, "it is not repaired behind anybody's back")
    end(host)


def what_is_gone_is_written_again(servers):
    """One key that is deleted; then a server short of memory, which evicts until it has more again."""
    redis, _, host, producer, config = set_up(servers, product_lane("1h", "0s", "2h"), sink={"audit": "10ms"})
    key = "user:first:product_view_count_w"
    redis.ask("DEL", key)
    wait_for(lambda: redis.get(key) == "1" and figures(host)[2] >= 1, 20, lambda: f"it is back, and counted:\n{host.tail()}")
    host.wait_text(f"audit: {key} was not in Redis any more, and is written again, as \\d+ features were so far; do this: ", 5)
    users = [f"user{n:04}-{'x' * 400}" for n in range(20)]
    for views in (1, 2):
        producer.send(*(event("product_view", user, product=str(views)) for user in users))
        wait_for(lambda: all(redis.get(f"user:{user}:product_view_count_w") == str(views) for user in users), 20,
                 lambda: f"all have {views}:\n{host.tail()}")
    before = figures(host)[2]
    redis.ask("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    full = len(redis.keys())
    redis.ask("CONFIG", "SET", "maxmemory", int(re.search(r"used_memory:(\d+)", redis.ask("INFO", "memory")).group(1)) - 10000)
    wait_for(lambda: len(redis.keys()) < full, 20, "Redis evicts")
    redis.ask("CONFIG", "SET", "maxmemory", 0)
    wait_for(lambda: all(redis.get(f"user:{user}:product_view_count_w") == "2" for user in users), 60,
             lambda: f"what was evicted is back, as it was last:\n{host.tail()}")
    wait_for(lambda: figures(host)[2] > before, 10, lambda: f"and counted:\n{host.tail()}")
    check(figures(host)[1] == 0, f"none of it is called wrong:\n{host.tail()}")
    end(host)


def plugins_that_break_their_promise_are_named(servers):
    """One lane goes by the clock between two ages, the other does not say the same twice: each is said once, and what it wrote is not
    called wrong. (plugin_validate.py: `validate` finds both, by the same words.)"""
    def lane(name):
        return (f'{{ lane = "{name}"; windows = ( {{ name = "{name}"; length = "1h"; emit = "0s"; ttl = "2h"; }} ); '
                'metrics = ( "right_count" ); }')
    lanes = (f'plugins = "{servers.build / "tests/bad_plugins"}";\n'
             f'lanes = ( {lane("goes_by_clock")}, {lane("counts_calls")}, {lane("right_ages")} );\n')
    _, _, host, producer, _ = set_up(servers, shipped=lanes, sink={"audit": "10ms"})
    stale = re.compile(r'audit: lane "goes_by_clock" goes by the clock between two ages: user:\w+:right_count_count_goes_by_clock is "\d+" '
                       r'as of [-:.TZ0-9]+, and "\d+" as of [-:.TZ0-9]+, and no record comes, goes or reaches an age in between; do this: '
                       r'name the age at which it changes \(`ages` of the lane\), or make it of event times')
    impure = re.compile(r'audit: lane "counts_calls" or its parser "right_count" is not the same each time: '
                        r'user:\w+:right_count_count_counts_calls is "\d+", and "\d+" the next time, .*; do this: ')
    wait_for(lambda: stale.search(host.text()) and impure.search(host.text()) and figures(host)[3] > 5, 20,
             lambda: f"both are named:\n{host.tail()}")
    producer.send(*(event("product_view", f"u{n}", product="1") for n in range(20)))
    wait_for(lambda: figures(host)[0] > 40, 20, lambda: f"what keeps its promise is compared:\n{host.tail()}")
    check(figures(host)[1] == 0 and len(stale.findall(host.text())) == len(impure.findall(host.text())) == 1, host.tail())
    end(host)


def redis_away_is_no_mismatch(servers):
    redis, _, host, _, _ = set_up(servers, product_lane("1h", "0s", "1h"), sink={"audit": "10ms"})
    wait_for(lambda: figures(host)[0] > 0, 20, lambda: f"something is compared:\n{host.tail()}")
    redis.kill()
    wait_for(lambda: "audit: " in host.text(), 20, lambda: f"the audit says that Redis is away:\n{host.tail()}")
    redis.start()
    before = figures(host)[0]
    wait_for(lambda: figures(host)[0] > before, 30, lambda: f"it goes on:\n{host.tail()}")
    check(figures(host)[1] == 0, f"nothing is called wrong meanwhile:\n{host.tail()}")
    end(host)


def what_redis_refuses_is_said(servers):
    """With the advice that sink and lease give for the same."""
    redis, _, host, producer, _ = set_up(servers, product_lane("1h", "0s", "1h"), sink={"audit": "10ms"})
    wait_for(lambda: figures(host)[0] > 0, 20, lambda: f"something is compared:\n{host.tail()}")
    redis.ask("ACL", "SETUSER", "default", "-get")
    host.wait_text("audit: GET is refused: the sink's user may not; found: NOPERM .*; do this: .*\\+get", 20)
    check(figures(host)[1] == 0, f"nothing is called wrong:\n{host.tail()}")
    end(host)


if __name__ == "__main__":
    run_main(__doc__, [all_is_well, what_others_write_is_found, what_is_gone_is_written_again,
                       plugins_that_break_their_promise_are_named, redis_away_is_no_mismatch, what_redis_refuses_is_said])
