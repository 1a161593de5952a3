#!/usr/bin/env python3
"""The model against what a person derives from FEATURES.md and DESIGN.md: who checks the checker."""

import unittest

import configuration
from events import DeadLetter, Number, format_time, money, parse_time, read_message, text
from lanes import LANES, order_values_by_transaction, print_counts, print_decimal, print_money
from model import final_features, replay
from settings import HOUR, LaneSettings, MINUTE, SECOND, Settings, Window
from streams import random_stream
from wire import Raw, to_message
from xxh3 import xxh3_64

DAY = "2025-03-26 "
QUIET = {
    "format": "tsv",
    "user_id": "ann",
    "domain_userid": "",
    "network_userid": "",
    "domain_sessionid": "s1",
    "client_session": "",
    "products": [],
    "replacing_products": [],
    "cart": None,
    "step": None,
    "transaction": None,
    "refund": None,
    "list_name": None,
    "page_url": "",
    "useragent": "",
    "platform": "web",
    "yauaa": "Desktop",
}


def event(time, kind, number=[0], **more):
    """An event at `time` of the day, e.g. 12:00:00.001, with an id of its own unless it is given."""
    number[0] += 1
    return {**QUIET, "kind": kind, "id": f"event-{number[0]}", "derived": DAY + time, "collector": DAY + time, **more}


def view(time, product, price, **more):
    return event(time, "product_view", products=[{"id": product, "price": Raw(price), "category": "Shoes"}], **more)


def lane(name, windows, metrics=None, **params):
    return Settings([LaneSettings(name, windows, metrics or list(LANES[name].parsers), params)])


def rolling(name="5m", length_ms=5 * MINUTE, emit_ms=0, burst=1, ttl_s=900):
    return Window(name, length_ms=length_ms, emit_ms=emit_ms, burst=burst, ttl_s=ttl_s)


def lines(settings, events, until=None, feature=None):
    """(feature, value, time of day) of each write of `feature`, or of all."""
    writes, _ = replay([to_message(one) for one in events], settings, until and parse_time(DAY + until))
    found = [(write.key.split(":", 2)[2], write.value, format_time(write.time_ms)[11:-1]) for write in writes]
    return [(value, time) for name, value, time in found if name == feature] if feature else found


class Words(unittest.TestCase):
    def test_xxh3(self):
        known = {
            b"": 0x2D06800538D394C2,
            b"a": 0xE6C632B61E964E1F,
            b"abc": 0x78AF5F94892F3950,
            b"event-1": 0x31B4B8490E3D95E4,
            b"0123456789ab": 0xCC054135822AE555,
            b"4ba8f147-05cf-48c6-b218-0def4f209181": 0xB2D3472591157F36,
            b"x" * 129: 0xE4F9742108FE27DC,
            bytes(range(240)): 0x375A384D957FE865,
        }
        self.assertEqual({data: xxh3_64(data) for data in known}, known)

    def test_money_is_the_text_rounded_half_even(self):
        cases = {
            "42.99": 42_990_000,
            "0.0000005": 0,
            "0.0000015": 2,
            "0.00000050000000000000000001": 1,
            "1e2": 100_000_000,
            "-0": 0,
            "99999999999": 99_999_999_999_000_000,
            "99999999999.0000001": None,
            "-0.0000001": None,
            "1e400": None,
        }
        self.assertEqual({written: money(Number(written)) for written in cases}, cases)
        self.assertEqual([money(value) for value in ("42.99", True, None, [])], [None] * 4)

    def test_a_text_that_is_none_spoils(self):
        self.assertEqual(text(None), "")
        self.assertEqual([text(value) for value in (Number("5.0"), Number("1E3"), True, False)], ["5.0", "1E3", "true", "false"])
        for value in ({}, [], [Number("5")]):
            self.assertRaises(DeadLetter, text, value)

    def test_printing(self):
        self.assertEqual(
            [print_money(micros) for micros in (42_990_000, 0, 28_500_000, -5_000_000, 1, 100_000_000)],
            ["42.99", "0", "28.5", "-5", "0.000001", "100"],
        )
        self.assertEqual(
            [print_decimal(value) for value in (42.99, 28.0, 0, 1 / 3, 0.00001)],
            ["42.99", "28", "0", "0.3333333333333333", "0.00001"],
        )
        self.assertEqual(print_counts({"7": 1, "5": 2, "10": 1}), '{"10":1,"5":2,"7":1}')

    def test_the_most_counted_thousand(self):
        printed = print_counts({f"{n:04}": 2 if n >= 1000 else 1 for n in range(1200)})
        self.assertEqual(
            (printed.count(":"), '"0799"' in printed, '"0800"' in printed, '"1199":2' in printed),
            (1000, True, False, True),
        )

    def test_times_are_cut(self):
        self.assertEqual(
            [
                format_time(parse_time(written))
                for written in ("2025-03-26 10:56:46.0339999", "2025-03-26T10:57:56.7Z", "2013-11-26 00:02:05")
            ],
            ["2025-03-26T10:56:46.033Z", "2025-03-26T10:57:56.700Z", "2013-11-26T00:02:05.000Z"],
        )

    def test_event_time_is_not_later_than_the_collectors(self):
        ahead = {**event("12:00:00", "page_view"), "derived": "2031-01-01 00:00:00"}
        self.assertEqual(read_message(to_message(ahead)).time_ms, parse_time(DAY + "12:00:00"))

    def test_names_have_vendors(self):
        kinds = ["transaction", "legacy_transaction", "legacy_add_to_cart", "site_search", "struct", "io.other/transaction"]
        for form, told in (
            ("tsv", kinds),
            ("json", ["transaction", "legacy_transaction", "unstruct", "unstruct", "struct", "unstruct"]),
        ):
            found = [read_message(to_message(event("12:00:00", kind, format=form))).name for kind in kinds]
            self.assertEqual(found, told)

    def test_derived_contexts_replace_contexts(self):
        both = view("12:00:00", "5", "1", replacing_products=[{"id": "6"}])
        self.assertEqual(read_message(to_message(both)).entities("product"), [{"id": "6"}])

    def test_settings_survive_a_configuration_file(self):
        for seed in range(50):
            settings = random_stream(seed).settings
            self.assertEqual(configuration.read_text(configuration.write_text(settings)), settings)


class Rolling(unittest.TestCase):
    def test_the_first_price_counts_until_it_leaves(self):
        """The golden case of STYLE.md. Both features are one parser's, so they are written together."""
        events = [view("12:00:00", "5", "42.99"), view("12:01:00", "5", "39.99")]
        settings = lane("product", [rolling()])
        self.assertEqual(
            lines(settings, events, "12:05:00.001", "avg_viewed_price_5m"),
            [("42.99", "11:59:55.000"), ("42.99", "12:00:55.000"), ("39.99", "12:05:00.001")],
        )
        self.assertEqual(
            lines(settings, events, "12:05:00.001", "price_range_viewed_5m"),
            [("42.99-42.99", "11:59:55.000"), ("39.99-42.99", "12:00:55.000"), ("39.99-39.99", "12:05:00.001")],
        )
        self.assertEqual(
            lines(settings, events, "12:05:00", "price_range_viewed_5m")[-1], ("39.99-42.99", "12:00:55.000")
        )

    def test_zeros_once_then_silence(self):
        found = lines(lane("category", [rolling(ttl_s=10_000)]), [view("12:00:00", "5", "1")], "23:00:00")
        self.assertEqual(
            found,
            [
                ("top_category_5m", "Shoes", "11:59:55.000"),
                ("unique_categories_5m", "1", "11:59:55.000"),
                ("category_view_count_5m", "1", "11:59:55.000"),
                ("top_category_5m", None, "12:05:00.001"),
                ("unique_categories_5m", "0", "12:05:00.001"),
                ("category_view_count_5m", "0", "12:05:00.001"),
            ],
        )

    def test_emit(self):
        """What is due at 11:59:58 goes before the event that moves the clock there."""
        events = [view(f"12:00:0{n}", str(n), "1") for n in range(8)]
        self.assertEqual(
            lines(lane("product", [rolling(emit_ms=3000)]), events, None, "product_view_count_5m"),
            [("1", "11:59:55.000"), ("3", "11:59:58.000"), ("6", "12:00:01.000"), ("8", "12:00:04.000")],
        )

    def test_burst(self):
        """Two at once, then one each 3 s from the first on; after a rest two again."""
        times = ("00", "00.5", "01", "01.5", "04", "08", "20", "21", "21.5")
        events = [view(f"12:00:{time}", str(n), "1") for n, time in enumerate(times)]
        self.assertEqual(
            lines(lane("product", [rolling(emit_ms=3000, burst=2)]), events, "12:00:30", "product_view_count_5m"),
            [
                ("1", "11:59:55.000"),
                ("2", "11:59:55.500"),
                ("4", "11:59:58.000"),
                ("5", "12:00:01.000"),
                ("6", "12:00:04.000"),
                ("7", "12:00:15.000"),
                ("8", "12:00:16.000"),
                ("9", "12:00:18.000"),
            ],
        )

    def test_burst_of_a_lane_and_of_the_file(self):
        text = (
            'burst = 3; lanes = ( { lane = "cart"; burst = 2; metrics = ( "cart_value" );'
            ' windows = ( { name = "5m"; length = "5m"; burst = 1; }, { name = "1h"; length = "1h"; } ); },'
            ' { lane = "product"; metrics = ( "product_views" ); windows = ( { name = "5m"; length = "5m"; } ); } );'
        )
        bursts = [window.burst for lane in configuration.read_text(text).lanes for window in lane.windows]
        self.assertEqual(bursts, [1, 2, 3])

    def test_final_flush_ignores_emit(self):
        events = [view("12:00:00", "1", "1"), view("12:00:01", "2", "1")]
        self.assertEqual(
            lines(lane("product", [rolling(emit_ms=MINUTE)]), events, None, "product_view_count_5m"),
            [("1", "11:59:55.000"), ("2", "12:00:01.000")],
        )

    def test_refresh_at_three_quarters_of_the_ttl(self):
        found = lines(
            lane("product", [rolling(ttl_s=100)]), [view("12:00:00", "1", "1")], "12:10:00", "product_view_count_5m"
        )
        self.assertEqual(
            found,
            [
                ("1", "11:59:55.000"),
                ("1", "12:01:10.000"),
                ("1", "12:02:25.000"),
                ("1", "12:03:40.000"),
                ("1", "12:04:55.000"),
                ("0", "12:05:00.001"),
            ],
        )

    def test_late_events(self):
        """With a disorder of 5 s the clock stands at 12:59:55; the log of the longest window begins at 11:59:55."""
        windows = [rolling(ttl_s=9999), rolling("1h", HOUR, ttl_s=9999)]
        for time, count in (("11:59:54.999", "1"), ("11:59:55", "2")):
            found = lines(lane("product", windows), [view("13:00:00", "1", "1"), view(time, "2", "1")])
            self.assertIn(("product_view_count_1h", count, "12:59:55.000"), found)
            self.assertNotIn(("product_view_count_5m", "2", "12:59:55.000"), found)

    def test_an_event_moves_the_clock_no_further_than_its_message(self):
        messages = [to_message(view(time, "1", "1")) for time in ("12:00:00", "12:09:00", "12:10:00.001", "12:00:01")]
        stamps = [parse_time(DAY + time) for time in ("12:00:00", "12:00:00", "12:00:00", "12:00:02")]
        settings = lane("product", [rolling()])
        self.assertEqual(replay(messages, settings, stamps=stamps)[1], parse_time(DAY + "12:00:01"))
        self.assertEqual(replay(messages, settings)[1], parse_time(DAY + "12:10:00.001"))
        stamps[1] = 0  # is none: it is now
        self.assertEqual(replay(messages, settings, wall_clock_ms=parse_time(DAY + "12:05:00"), stamps=stamps)[1],
                         parse_time(DAY + "12:05:00"))

    def test_of_two_copies_the_earlier_stays(self):
        first = view("12:00:10", "1", "5", id="twice")
        for time, oldest in (("12:00:09", "12:05:09.001"), ("12:00:11", "12:05:10.001")):
            copy = {**first, "derived": DAY + time, "collector": DAY + time}
            found = lines(lane("product", [rolling(ttl_s=9999)]), [first, copy], "13:00:00", "product_view_count_5m")
            self.assertEqual(found, [("1", "12:00:05.000"), ("0", oldest)])

    def test_no_window_no_zeros(self):
        """A late event that only the long window holds leaves the short one silent."""
        windows = [rolling(ttl_s=9999), rolling("1h", HOUR, ttl_s=9999)]
        found = lines(lane("product", windows), [view("13:00:00", "1", "1", user_id="bob"), view("12:10:00", "1", "1")])
        self.assertEqual(
            [name for name, _, _ in found if name.startswith("product_view_count")],
            ["product_view_count_5m", "product_view_count_1h", "product_view_count_1h"],
        )

    def test_final_features(self):
        writes, end = replay(
            [to_message(view("12:00:00", "1", "1"))],
            lane("product", [rolling(ttl_s=600)], ["product_views"]),
            parse_time(DAY + "12:00:00.001"),
        )
        self.assertEqual(
            final_features(writes, end)[0], {"key": "user:ann:product_view_count_5m", "value": "1", "ttl": 595}
        )
        self.assertEqual(final_features(writes, end, True)[0]["ttl"], 600)
        self.assertEqual(final_features(writes, end + 595_000), [])


class Sessions(unittest.TestCase):
    def session(self, **more):
        known = {"gap_ms": 10 * SECOND, "max_ms": 30 * SECOND, "lateness_ms": 5 * SECOND, "emit_ms": 0, "ttl_s": 1000}
        return lane("session", [Window("session", session=True, burst=1, **{**known, **more})])

    def pages(self, *times):
        return [event(time, "page_view") for time in times]

    def test_the_newest_run(self):
        found = lines(self.session(), self.pages("12:00:00", "12:00:10", "12:00:20.001"), None, "session_page_count")
        self.assertEqual(found, [("1", "11:59:55.000"), ("2", "12:00:05.000"), ("1", "12:00:15.001")])

    def test_the_longest_run(self):
        found = lines(
            self.session(),
            self.pages("12:00:00", "12:00:10", "12:00:20", "12:00:30", "12:00:30.001"),
            None,
            "session_page_count",
        )
        self.assertEqual([value for value, _ in found], ["1", "2", "3", "4", "1"])

    def test_a_late_event_joins_two_runs(self):
        found = lines(self.session(), self.pages("12:00:00", "12:00:15", "12:00:08"), None, "session_duration")
        self.assertEqual([value for value, _ in found], ["0", "15000"])

    def test_over_and_gone(self):
        """Newest 12:00:00: over after 12:00:10, gone after 12:00:15."""
        other = {"domain_sessionid": "other"}
        for clock, count in (("12:00:15", "2"), ("12:00:15.001", "1")):
            moved = event(f"12:00:{float(clock[6:]) + 5:06.3f}", "page_view", **other)
            found = lines(
                self.session(), self.pages("12:00:00") + [moved] + self.pages("12:00:06"), None, "session_page_count"
            )
            self.assertEqual(found[-1][0], count)

    def test_a_run_goes_whole_max_gap_and_lateness_after_its_end(self):
        """0-10 goes when the clock is 45 s behind 10. With it an event at 12 joins 0 to 21; without, 12 to 41."""
        for newest, pages in (("12:01:00.000", "4"), ("12:01:00.001", "2")):
            times = ("12:00:00", "12:00:10", "12:00:21", "12:00:31", "12:00:41", "12:00:51", newest, "12:00:12")
            found = lines(self.session(), self.pages(*times), None, "session_page_count")
            self.assertEqual(found[-2:], [("1", "12:00:" + newest[6:].replace("00", "55", 1)), (pages, found[-1][1])])
        times = ("12:00:00", "12:00:11", "12:00:21", "12:00:31", "12:00:41", "12:00:50.001", "12:00:00.000")
        found = lines(self.session(), self.pages(*times), None, "session_page_count")
        self.assertEqual(found[-1], ("1", "12:00:45.001"))

    def test_a_key_keeps_its_newest_records(self):
        settings = lane("product", [rolling()])
        settings.key_records = 3
        for order in ((1, 2, 3, 4), (4, 3, 2, 1), (3, 1, 4, 2)):
            events = [view(f"12:00:0{second}", str(second), "1") for second in order]
            found = lines(settings, events, None, "return_view_count_5m")
            self.assertEqual(found[-1][0], '{"2":1,"3":1,"4":1}')

    def late(self, settings, other, until=None):
        """What is written of a session with an event at 12:00:00, and one at 11:59:58 that comes after another session's at `other`."""
        events = self.pages("12:00:00") + [event(other, "page_view", domain_sessionid="other")] + self.pages("11:59:58")
        writes, _ = replay([to_message(one) for one in events], settings, until and parse_time(DAY + until))
        return [
            (write.key.removeprefix("session:s1:"), write.value, write.ttl_s, format_time(write.time_ms)[11:-1])
            for write in writes
            if write.key.startswith("session:s1:")
        ]

    def test_late_within_lateness_is_written_whole_with_the_ttl_that_remains(self):
        found = self.late(self.session(), "12:00:19.100")  # over at 12:00:10, 4.1 s ago
        first = [line[0] for line in found if line[3] == "11:59:55.000"]
        self.assertEqual([line[0] for line in found], first + first)
        self.assertEqual({line[2:] for line in found[len(first) :]}, {(996, "12:00:14.100")})
        self.assertEqual([line[1] for line in found if line[0] == "session_page_count"], ["1", "2"])

    def test_what_waits_goes_out_before_the_log_goes(self):
        found = self.late(self.session(emit_ms=MINUTE), "12:00:19.100", "12:10:00")
        self.assertEqual(found[-1][2:], (995, "12:00:15.001"))

    def test_no_key_comes_back_that_has_run_out(self):
        settings = self.session(ttl_s=4, lateness_ms=MINUTE)
        self.assertLessEqual(max(line[3] for line in self.late(settings, "12:00:24")), "12:00:10.000")
        self.assertEqual(self.late(settings, "12:00:17")[-1][2:], (2, "12:00:12.000"))

    def test_a_search_page_and_its_event_are_one(self):
        page = {"page_url": "http://shop/search?q=shoes"}
        events = [
            event("12:00:00", "page_view", **page),
            event("12:00:05", "site_search"),
            event("12:00:05.001", "site_search"),
        ]
        for signal, count in (("either", "2"), ("url", "1"), ("site_search", "2")):
            settings = self.session()
            settings.lanes[0].params["search_signal"] = signal
            self.assertEqual(lines(settings, events, None, "session_search_count")[-1][0], count)

    def test_locations_and_devices(self):
        places = [("DE", "BE"), ("", ""), ("DE", "BE"), ("US", ""), ("DE", "BE")]
        events = [
            event(f"12:00:0{n}", "page_view", geo_country=country, geo_region=region)
            for n, (country, region) in enumerate(places)
        ]
        found = dict((name, value) for name, value, _ in lines(self.session(), events))
        self.assertEqual(
            (found["shopper_locations"], found["shopper_region_changes"], found["shopper_device_types"]),
            ('["DE-BE","US"]', "2", '["Desktop"]'),
        )

    def test_cart_ratio_and_campaign(self):
        events = [
            event("12:00:00", "page_view"),
            event("12:00:01", "add_to_cart", mkt_medium="cpc"),
            view("12:00:02", "1", "1", mkt_campaign="late"),
            view("12:00:03", "1", "1"),
        ]
        found = dict((name, value) for name, value, _ in lines(self.session(), events))
        self.assertEqual((found["session_cart_ratio"], found.get("session_marketing_campaign")), ("0.5", None))


class Ages(unittest.TestCase):
    """A checkout is abandoned by itself, ten minutes after its last step."""

    def found(self, window, events, until):
        return lines(lane("abandoned_checkout", [window]), events, until, "checkout_abandoned" + ("" if window.session else "_1h"))

    def step(self, time):
        return event(time, "checkout_step", step={"step": Raw("2")})

    def test_at_the_millisecond_and_not_after_an_order(self):
        an_hour = rolling("1h", HOUR, ttl_s=9000)
        events = [self.step("12:00:00"), self.step("12:04:00.500")]
        falls, leaves = ("true", "12:14:00.500"), ("false", "13:04:00.501")
        self.assertEqual(self.found(an_hour, events, "14:00:00"), [("false", "11:59:55.000"), falls, leaves])
        order = event("12:14:00", "transaction", transaction={"transaction_id": "t1", "revenue": Raw("1")})
        self.assertEqual(self.found(an_hour, events + [order], "12:30:00"), [("false", "11:59:55.000")])

    def test_a_session_has_it_until_it_is_over(self):
        def found(minutes):
            return self.found(Window("session", session=True, gap_ms=minutes * MINUTE, emit_ms=0, ttl_s=9000), [self.step("12:00:00")], "13:00:00")

        self.assertEqual(found(10), [("false", "11:59:55.000"), ("true", "12:10:00.000")])
        self.assertEqual(found(9), [("false", "11:59:55.000")])


class Orders(unittest.TestCase):
    def final(self, settings, events):
        return {name: value for name, value, _ in lines(settings, events)}

    def test_transactions_repeats_and_refunds(self):
        def bought(time, order, revenue):
            return event(time, "transaction", transaction={"transaction_id": order, "revenue": Raw(revenue)})

        refund = event("12:00:00", "refund", refund={"transaction_id": "t1", "refund_amount": Raw("30")})
        events = [
            refund,
            bought("12:00:01", "t1", "100"),
            bought("12:00:02", "t1", "999"),
            bought("12:00:03", None, "20"),
            bought("12:00:04", None, "10.01"),
        ]
        found = self.final(lane("purchase", [rolling("24h", 24 * HOUR)]), events)
        self.assertEqual(found, {"orders_count_24h": "3", "order_value_24h": "100.01", "avg_order_value_24h": "33.34"})

    def test_a_refund_takes_no_more_than_there_is(self):
        records = [
            {"event": "transaction", "transaction_id": "a", "amount": 5},
            {"event": "refund", "transaction_id": "a", "amount": 3},
            {"event": "refund", "transaction_id": "a", "amount": 3},
            {"event": "refund", "transaction_id": "b", "amount": 3},
        ]
        self.assertEqual(order_values_by_transaction(records), [0])

    def test_a_quotient_is_rounded_once_half_even(self):
        events = [
            event(f"12:00:0{n}", "transaction", transaction={"revenue": Raw(revenue)})
            for n, revenue in enumerate(("0.01", "0"))
        ]
        self.assertEqual(self.final(lane("purchase", [rolling("24h", 24 * HOUR)]), events)["avg_order_value_24h"], "0")

    def test_checkout_step_closes_the_last_cart(self):
        def cart(time, kind, total, price):
            return event(time, kind, cart={"total_value": Raw(total)}, products=[{"id": "1", "price": Raw(price)}])

        def step(time, number):
            return event(time, "checkout_step", step={"step": Raw(number)})

        events = [
            step("12:00:00", "2"),
            cart("12:00:01", "add_to_cart", "0", "42.99"),
            cart("12:00:02", "add_to_cart", "42.99", "10"),
            step("12:00:03", "1"),
            step("12:00:04", "2.0"),
            step("12:00:05", "2"),
            cart("12:00:06", "remove_from_cart", "52.99", "10"),
            step("12:00:07", '"2"'),
            step("12:00:08", "2"),
        ]
        settings = lane("purchase", [rolling("24h", 24 * HOUR)], order_signal="checkout_step")
        self.assertEqual(
            self.final(settings, events),
            {"orders_count_24h": "2", "order_value_24h": "95.98", "avg_order_value_24h": "47.99"},
        )

    def test_cart_value(self):
        first = event(
            "12:00:00",
            "add_to_cart",
            cart={"total_value": Raw("10")},
            products=[{"price": Raw("2.5"), "quantity": Raw("2")}, {"price": Raw("1")}],
        )
        without = event("12:00:01", "remove_from_cart", cart={"total_value": "10"})
        for before, value in ((False, "10"), (True, "16")):
            settings = lane("cart", [rolling()], total_is_before=before)
            self.assertEqual(
                self.final(settings, [first, without]),
                {
                    "cart_add_count_5m": "1",
                    "cart_remove_count_5m": "1",
                    "cart_update_frequency_5m": "2",
                    "cart_value_5m": value,
                },
            )

    def test_a_tie_goes_to_the_later_category(self):
        events = [view("12:00:00", "1", "1"), event("12:00:01", "list_view", list_name="Boots")]
        self.assertEqual(self.final(lane("category", [rolling()]), events)["top_category_5m"], "Boots")
        late = event("11:59:59", "list_view", list_name="Sandals")
        self.assertEqual(self.final(lane("category", [rolling()]), events + [late])["top_category_5m"], "Boots")
        only_views = lane("category", [rolling()], count_lists=False)
        self.assertEqual(self.final(only_views, events)["category_view_count_5m"], "1")


if __name__ == "__main__":
    unittest.main()
