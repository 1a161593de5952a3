"""Puts events into the two formats that Shoplane reads: enriched TSV, and the live-shopper accelerator's JSON.

An event is a plain dict of what a shopper did (see `streams.py`, which draws them):

    kind      the event's name by FEATURES.md section 0: page_view, product_view, legacy_transaction, io.other/transaction...
    id, derived, collector              texts; times as written, without date separators of a format ("" if absent)
    user_id, domain_userid, network_userid, domain_sessionid, client_session    texts, "" if absent
    products, replacing_products        lists of entities; the second go into derived_contexts
    cart, step, transaction, refund     entities, or None
    list_name, page_url, useragent, platform, geo_country, geo_region, dvce_type, yauaa, mkt_...    texts or None
    broken_contexts                     true: the column is not JSON

Values inside entities are what `to_json` takes; `Raw` is JSON as it stands, for numbers whose text matters.
"""

import json

from events import COLUMN, COLUMNS, ECOMMERCE, MARKETING, SNOWPLOW


# Kinds that are no self-describing events: the columns event, event_vendor and event_name.
BUILT_IN = {
    "page_view": ("page_view", SNOWPLOW, "page_view"),
    "page_ping": ("page_ping", SNOWPLOW, "page_ping"),
    "struct": ("struct", "com.google.analytics", "event"),
    "legacy_transaction": ("transaction", SNOWPLOW, "transaction"),
    "legacy_transaction_item": ("transaction_item", SNOWPLOW, "transaction_item"),
}


def columns_of(kind):
    """event, event_vendor, event_name"""
    if kind in BUILT_IN:
        return BUILT_IN[kind]
    if "/" in kind:
        return ("unstruct", *kind.split("/"))
    if kind == "site_search" or kind.startswith("legacy_"):
        return ("unstruct", SNOWPLOW, kind.removeprefix("legacy_"))
    return ("unstruct", ECOMMERCE, "snowplow_ecommerce_action")


class Raw(str):
    """JSON as it stands."""


def to_json(value, escape_more=False):
    """Compact JSON; `escape_more`: with escapes that JSON allows and does not demand."""
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, str):
        written = json.dumps(value, ensure_ascii=escape_more)
        return written.replace("/", "\\/") if escape_more else written
    if isinstance(value, dict):
        return "{" + ",".join(f"{to_json(key)}:{to_json(item, escape_more)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(to_json(item, escape_more) for item in value) + "]"
    return json.dumps(value)


def self_describing(vendor, name, data, model=1, data_first=False):
    schema = {"schema": f"iglu:{vendor}/{name}/jsonschema/{model}-0-0"}
    return {"data": data, **schema} if data_first else {**schema, "data": data}


def contexts_column(entities, escape_more):
    return to_json(self_describing(SNOWPLOW, "contexts", entities), escape_more) if entities else ""


def to_tsv(event):
    """The event as a line of enriched TSV, without newline."""
    more = event.get("escape_more", False)

    def entity(name, data, vendor=ECOMMERCE, model=1):
        return self_describing(vendor, name, data, model, data_first=more)

    contexts = [entity("product", {"id": "of another model", "price": 1, "category": "none"}, model=2)] if more else []
    contexts += [entity("product", product) for product in event["products"]]
    for name, place in (
        ("cart", "cart"),
        ("checkout_step", "step"),
        ("transaction", "transaction"),
        ("refund", "refund"),
    ):
        if event[place] is not None:
            contexts.append(entity(name, event[place]))
    if event["client_session"]:
        contexts.append(entity("client_session", {"sessionId": event["client_session"]}, SNOWPLOW))
    derived = [entity("product", product) for product in event["replacing_products"]]
    if event["yauaa"] is not None:
        derived.append(entity("yauaa_context", {"deviceClass": event["yauaa"]}, "nl.basjes"))

    kind, vendor, name = columns_of(event["kind"])
    columns = [""] * COLUMNS
    row = {name: event[name] for name in COLUMN if isinstance(event.get(name), str)}
    row.update(
        contexts=contexts_column(contexts, more),
        derived_contexts=contexts_column(derived, more),
        event_id=event["id"],
        derived_tstamp=event["derived"],
        collector_tstamp=event["collector"],
        event=kind,
        event_name=name,
        event_vendor=vendor,
        event_format="jsonschema",
        event_version="1-0-0",
    )
    if event.get("broken_contexts"):
        row["contexts"] = contexts_column([entity("cart", {"total_value": 1})], more)[:-3]
    if kind == "unstruct":
        data = {"terms": ["shoes"]}
        if vendor == ECOMMERCE:
            data = {"type": event["kind"], **({} if event["list_name"] is None else {"name": event["list_name"]})}
        data = self_describing(vendor, name, data, data_first=more and vendor == ECOMMERCE)
        row["unstruct_event"] = to_json(self_describing(SNOWPLOW, "unstruct_event", data), more)
    for name, value in row.items():
        columns[COLUMN[name]] = value
    return "\t".join(columns)


def iso(written):
    """2025-03-26 10:56:46.033 as 2025-03-26T10:56:46.033Z"""
    return written and written.replace(" ", "T") + "Z"


def to_accelerator_json(event):
    """The event as its Snowbridge script makes it; what the script drops is dropped."""
    payload = {}
    products = event["replacing_products"] or event["products"]
    if event["kind"] in ("product_view", "add_to_cart", "remove_from_cart"):
        payload["product"] = products[0] if products else {}
    if event["kind"] in ("list_view", "list_click"):
        if event.get("escape_more"):
            payload["product"] = {}
        else:
            payload["products"] = products
        if event["list_name"] is not None:
            payload["list_name"] = event["list_name"]
    if event["kind"] in ("add_to_cart", "remove_from_cart", "checkout_step"):
        payload["cart"] = event["cart"] or {}
    if event["kind"] == "checkout_step" and event["step"] is not None:
        payload["checkout_step"] = event["step"]
    if event["kind"] == "page_view":
        payload["page_url"] = event["page_url"]
    marketing = {name: event[name] for name in MARKETING if event.get(name)}
    user = {name: event[name] for name in ("user_id", "domain_userid", "network_userid") if event[name]}
    session = {"sessionId": event["client_session"]} if event["client_session"] else {}
    if not session and event["domain_sessionid"]:
        session = {"domain_sessionid": event["domain_sessionid"], "domain_sessionidx": 1}
    kind, vendor, _ = columns_of(event["kind"])
    document = {
        "id": event["id"],
        "type": event["kind"] if vendor == ECOMMERCE else kind,
        "timestamp": iso(event["derived"] or event["collector"]),
        "payload": payload,
        "enrich": {
            "client": {"useragent": event["useragent"], "page": {"page_url": event["page_url"]}},
            "user": user,
            "marketing": marketing or None,
            "platform": event["platform"],
        },
        "session": session,
        "metadata": {
            **({"collector_tstamp": iso(event["collector"]), "app_id": "property"} if event["collector"] else {}),
            **({} if vendor == ECOMMERCE and event.get("escape_more") else {"event_vendor": vendor}),
        },
    }
    return to_json(document, event.get("escape_more", False))


def to_message(event):
    """The bytes of the event in its own format."""
    return (to_tsv if event["format"] == "tsv" else to_accelerator_json)(event).encode()
