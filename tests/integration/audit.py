#!/usr/bin/env python3
"""The host compares Redis with its own records: quiet while all is well, and with evidence where somebody else has written.

    audit.py BUILD_DIR [--only WORD] [--keep FOLDER]
"""

from live import end, event, product_lane, session_lane, set_up
from servers import check, run_main, wait_for


def figures(host):
    """(features audited, wrong) of the newest report."""
    lines = [line for line in host.text().splitlines() if " audited (" in line]
    if not lines:
        return 0, 0
    words = lines[-1].split(" audited (")
    return int(words[0].split()[-1]), int(words[1].split()[0])


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
    """A value that is overwritten, one that is deleted, and one that should not be there: each a line with the evidence."""
    redis, _, host, producer, _ = set_up(servers, product_lane("1h", "0s", "1h"), sink={"audit": "10ms"})
    producer.send(event("product_view", "ann", product="1"))
    wait_for(lambda: redis.get("user:ann:product_view_count_w") == "1", 20, "ann's count")
    redis.ask("SET", "user:ann:product_view_count_w", "7")
    redis.ask("DEL", "user:first:product_view_count_w")
    wait_for(lambda: "audit: user:ann:product_view_count_w is \"7\" in Redis, but its 1 records say \"1\" (lane product, parser "
             "product_views, window w, folded as of " in host.text(), 20, lambda: f"the overwritten value is found:\n{host.tail()}")
    wait_for(lambda: "audit: user:first:product_view_count_w is nothing in Redis, but its 1 records say \"1\"" in host.text(), 20,
             lambda: f"the deleted value is found:\n{host.tail()}")
    check("this host wrote what they say: who else writes there, or did Redis lose it?" in host.text(), host.tail())
    wait_for(lambda: figures(host)[1] >= 2, 10, lambda: f"and counted:\n{host.tail()}")
    check(redis.get("user:ann:product_view_count_w") == "7", "nothing is repaired behind anybody's back")
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
    run_main(__doc__, [all_is_well, what_others_write_is_found, redis_away_is_no_mismatch, what_redis_refuses_is_said])
