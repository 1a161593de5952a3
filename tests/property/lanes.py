"""The catalogue, FEATURES.md sections 1-5, written down once more: what each lane keeps of an event, and what each metric
parser makes of the records of a window. And one of the guide's recipes, whose features change by themselves.

A record is a dict; records come in log order, by (time_ms, id). A feature is a text, or None where it is absent.

Readings of the specification, where it leaves room:

- Decimals are written without exponent.
- A lane keeps a record only of an event that can matter to it: with order_signal = "transaction" carts and checkout steps
  are none of purchase's business, nor is a refund without transaction_id, which belongs to no order; with "checkout_step"
  transactions and refunds are not, nor are steps other than 2.
- checkout_step: the cart event that counts is the last one since the last order, "as in the Java". (FEATURES.md could be read
  as going back to an older, still unused one.)
- JSON texts inside maps and lists escape what JSON demands and nothing else.
"""

import json
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Callable

from events import MARKETING, kept, money, number
from settings import MINUTE

MOST_ENTRIES = 1000
MOST_BYTES = 262144
SEARCH_PAIR_MS = 5000


# How values are printed: FEATURES.md section 0.


def print_money(micros):
    """42.99, 0, 28.5: no exponent, no trailing zeros."""
    sign, micros = ("-" if micros < 0 else ""), abs(micros)
    whole, part = divmod(micros, 1_000_000)
    return sign + f"{whole}.{part:06}".rstrip("0").rstrip(".")


def print_decimal(value):
    """The shortest text that reads back the same double, without exponent; integers without a point."""
    return f"{Decimal(repr(float(value))):f}".removesuffix(".0")


def print_json(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def fitting(texts):
    """How many of them are printed: 1 000, and none beyond 256 KB of texts, but one."""
    total = 0
    for number, written in enumerate(texts[:MOST_ENTRIES]):
        total += len(written.encode())
        if number > 0 and total > MOST_BYTES:
            return number
    return min(len(texts), MOST_ENTRIES)


def print_counts(counts):
    """Compact JSON, keys in byte order; beyond 1 000 entries, or 256 KB of texts, the most counted ones, then by key."""
    most = sorted(counts.items(), key=lambda item: (-item[1], item[0].encode()))
    kept = most[: fitting([key for key, _ in most])]
    return print_json(dict(sorted(kept, key=lambda item: item[0].encode())))


def print_list(items):
    return print_json(items[: fitting(items)])


def print_text(value):
    return value or None


def print_bool(value):
    return "true" if value else "false"


def money_mean(sum_micros, n):
    return float(sum_micros) / float(n * 1_000_000) if n else 0.0


def distinct(items):
    """In order of first appearance."""
    return list(dict.fromkeys(items))


@dataclass
class Parser:
    """A metric parser: the features that it makes, and how, from (records of the window, settings of the lane); with
    `by_clock` also from the clock; with `needs` also from the records of those windows."""

    features: list
    compute: Callable
    by_clock: bool = False
    needs: list = field(default_factory=list)  # (lane, window); None: its own lane; the window of the same name

    def values(self, records, settings, clock, needed=()):
        return self.compute(records, settings, *([clock] if self.by_clock else []), *needed)


@dataclass
class Lane:
    key: str  # "user" or "session"
    events: list  # names of the events that it sees
    extract: Callable  # (event, settings) -> record, or None: not for this lane
    parsers: dict
    settings: dict  # with their defaults
    ages_ms: Callable = lambda settings: []  # ages of records at which features may change
    needing: dict = field(default_factory=dict)  # parsers that need certain windows, or other lanes

    def parser(self, name):
        return self.parsers.get(name) or self.needing[name]


# Section 1: product


def extract_product(event, settings):
    product = event.entity("product")
    return {"product": kept(product.get("id")), "price": money(product.get("price")) or 0}


def product_views(records, settings):
    counts = {}
    for record in records:
        counts[record["product"]] = counts.get(record["product"], 0) + 1
    return [str(len(counts)), print_counts(counts)]


def viewed_price(records, settings):
    first_prices = {}
    for record in records:
        first_prices.setdefault(record["product"], record["price"])
    prices = [record["price"] for record in records] or [0]
    mean = money_mean(sum(first_prices.values()), len(first_prices))
    return [print_decimal(mean), f"{print_money(min(prices))}-{print_money(max(prices))}"]


# Section 2: category


def extract_category(event, settings):
    if event.name == "list_view":
        category = kept(event.list_name) if settings["count_lists"] else ""
    else:
        category = kept(event.entity("product").get("category"))
    return {"category": category} if category else None


def top_category(records, settings):
    categories = [record["category"] for record in records]
    # Of equal counts the one whose newest record is later: look from the newest record back, keep the first best.
    return [max(reversed(categories), key=categories.count, default=None)]


def category_views(records, settings):
    return [str(len({record["category"] for record in records})), str(len(records))]


# Section 3: cart


def extract_cart(event, settings):
    value = money(event.entity("cart").get("total_value"))
    if value is not None and settings["total_is_before"]:
        change = sum((money(product.get("price")) or 0) * pieces(product) for product in event.entities("product"))
        value += change if event.name == "add_to_cart" else -change
    return {"event": event.name, "value": value}


def pieces(product):
    quantity = number(product.get("quantity"))
    return 1 if quantity is None else int(quantity)


def cart_activity(records, settings):
    adds = sum(record["event"] == "add_to_cart" for record in records)
    return [str(adds), str(len(records) - adds), str(len(records))]


def cart_value(records, settings):
    values = [record["value"] for record in records if record["value"] is not None]
    return [print_money(values[-1]) if values else None]


# Section 4: purchase


def extract_purchase(event, settings):
    if settings["order_signal"] == "transaction":
        if event.name not in ("transaction", "refund"):
            return None
        entity = event.entity(event.name)
        order = kept(entity.get("transaction_id"))
        if event.name == "refund" and not order:
            return None
        amount = entity.get("revenue" if event.name == "transaction" else "refund_amount")
        return {"event": event.name, "transaction_id": order, "amount": money(amount) or 0}
    if event.name == "checkout_step":
        return {"event": event.name, "closes": number(event.entity("checkout_step").get("step")) == 2}
    if event.name in ("add_to_cart", "remove_from_cart"):
        price = money(event.entity("product").get("price")) or 0
        total = money(event.entity("cart").get("total_value")) or 0
        return {"event": event.name, "value": total + (price if event.name == "add_to_cart" else -price)}
    return None


def order_values_by_transaction(records):
    refunded = {}
    for record in records:
        if record["event"] == "refund":
            refunded[record["transaction_id"]] = refunded.get(record["transaction_id"], 0) + record["amount"]
    seen, values = set(), []
    for record in records:
        order = record["transaction_id"]
        if record["event"] != "transaction" or order in seen:
            continue
        if order:
            seen.add(order)
        values.append(max(0, record["amount"] - refunded.get(order, 0)))
    return values


def order_values_by_checkout_step(records):
    values, cart = [], None
    for record in records:
        if record["event"] != "checkout_step":
            cart = record
        elif record["closes"] and cart is not None:
            values.append(cart["value"])
            cart = None
    return values


def orders(records, settings):
    by_signal = {"transaction": order_values_by_transaction, "checkout_step": order_values_by_checkout_step}
    values = by_signal[settings["order_signal"]](records)
    cents = round(Fraction(sum(values), 10_000 * len(values))) if values else 0  # of a Fraction: half-even
    return [str(len(values)), print_money(sum(values)), print_money(cents * 10_000)]


# Section 5: session


def extract_session(event, settings):
    return {
        "event": event.name,
        "url": event.column("page_url"),
        "platform": kept(event.column("platform")),
        "marketing": any(event.column(name) for name in MARKETING),
        "campaign": kept(event.column("mkt_campaign")),
        "device": kept(event.device_class),
        "location": kept(event.location),
    }


def of_kind(records, name):
    return [record for record in records if record["event"] == name]


def session_pages(records, settings):
    duration = records[-1]["time_ms"] - records[0]["time_ms"] if records else 0
    pages = len(of_kind(records, "page_view"))
    return [str(duration), str(pages), print_bool(pages < 2)]


def session_shopping(records, settings):
    adds, views = len(of_kind(records, "add_to_cart")), len(of_kind(records, "product_view"))
    return [print_decimal(adds / views if views else 0), str(views)]


def session_search(records, settings):
    signal = settings["search_signal"]
    pages = [record for record in of_kind(records, "page_view") if settings["search_url"] in record["url"]]
    searches = of_kind(records, "site_search")
    alone = [
        search
        for search in searches
        if not any(abs(page["time_ms"] - search["time_ms"]) <= SEARCH_PAIR_MS for page in pages)
    ]
    counted = {"url": pages, "site_search": searches, "either": pages + alone}[signal]
    return [str(len(counted))]


def session_campaign(records, settings):
    return [next((print_text(record["campaign"]) for record in records if record["marketing"]), None)]


def shopper_devices(records, settings):
    return [
        print_list(distinct(record["device"] for record in records)),
        print_text(records[-1]["platform"]) if records else None,
    ]


def shopper_locations(records, settings):
    known = [record["location"] for record in records if record["location"]]
    changes = sum(before != after for before, after in zip(known, known[1:]))
    return [print_list(distinct(known)) if known else None, str(changes)]


# sdk/examples/abandoned_checkout


def extract_abandoned_checkout(event, settings):
    step = number(event.entity("checkout_step").get("step")) or 0
    return {"event": event.name, "step": int(step) if 1 <= step <= 100 else 0}


def checkout_abandoned(records, settings, clock):
    orders = [place for place, record in enumerate(records) if record["event"] == "transaction"]
    steps = records[orders[-1] + 1 if orders else 0 :]
    abandoned = bool(steps) and clock - steps[-1]["time_ms"] >= settings["minutes"] * MINUTE
    return [print_bool(abandoned), str(max(0, *(step["step"] for step in steps))) if abandoned else None]


# sdk/examples/hesitation: a parser on lane product


def hesitation(records, settings, of_hour, in_cart):
    products, hour = (len({record["product"] for record in some}) for some in (records, of_hour))
    return [print_decimal(products / hour) if hour else None, *cart_value(in_cart, {})]


LANES = {
    "product": Lane(
        "user",
        ["product_view"],
        extract_product,
        {
            "product_views": Parser(["product_view_count", "return_view_count"], product_views),
            "viewed_price": Parser(["avg_viewed_price", "price_range_viewed"], viewed_price),
        },
        {},
        needing={
            "hesitation": Parser(
                ["viewed_share_of_hour", "cart_while_viewing"], hesitation, needs=[(None, "1h"), ("cart", None)]
            ),
        },
    ),
    "category": Lane(
        "user",
        ["list_view", "product_view"],
        extract_category,
        {
            "top_category": Parser(["top_category"], top_category),
            "category_views": Parser(["unique_categories", "category_view_count"], category_views),
        },
        {"count_lists": True},
    ),
    "cart": Lane(
        "user",
        ["add_to_cart", "remove_from_cart"],
        extract_cart,
        {
            "cart_activity": Parser(["cart_add_count", "cart_remove_count", "cart_update_frequency"], cart_activity),
            "cart_value": Parser(["cart_value"], cart_value),
        },
        {"total_is_before": False},
    ),
    "purchase": Lane(
        "user",
        ["transaction", "refund", "checkout_step", "add_to_cart", "remove_from_cart"],
        extract_purchase,
        {
            "orders": Parser(["orders_count", "order_value", "avg_order_value"], orders),
        },
        {"order_signal": "transaction"},
    ),
    "session": Lane(
        "session",
        ["page_view", "product_view", "add_to_cart", "remove_from_cart", "site_search"],
        extract_session,
        {
            "session_pages": Parser(["session_duration", "session_page_count", "session_bounce"], session_pages),
            "session_shopping": Parser(["session_cart_ratio", "session_product_views"], session_shopping),
            "session_search": Parser(["session_search_count"], session_search),
            "session_campaign": Parser(["session_marketing_campaign"], session_campaign),
            "shopper_devices": Parser(["shopper_device_types", "shopper_latest_platform"], shopper_devices),
            "shopper_locations": Parser(["shopper_locations", "shopper_region_changes"], shopper_locations),
        },
        {"search_signal": "either", "search_url": "/search?q="},
    ),
    "abandoned_checkout": Lane(
        "user",
        ["checkout_step", "transaction"],
        extract_abandoned_checkout,
        {
            "checkout_abandoned": Parser(["checkout_abandoned", "checkout_abandoned_step"], checkout_abandoned, by_clock=True),
        },
        {"minutes": 10},
        lambda settings: [settings["minutes"] * MINUTE],
    ),
}
