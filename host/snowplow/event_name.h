/* event_name.h - what an event is called, and what a lane may list: FEATURES.md section 0, "Event name".
 *
 *     page_view, page_ping, struct         the built-in kinds; the older ones as legacy_transaction, legacy_transaction_item
 *     product_view, add_to_cart, ...       the type of a snowplow_ecommerce_action
 *     site_search, link_click, ...         another self-describing event of a vendor com.snowplowanalytics.*; where that would be
 *                                          an action's type it is legacy_add_to_cart, so that nothing but the action has its name
 *     com.acme/wishlist_change             an event of any other vendor
 *
 * A lane lists these; or "*" before the slash, for an event of this name whatever its vendor. */
#ifndef SNOWPLOW_EVENT_NAME_H
#define SNOWPLOW_EVENT_NAME_H

#include <shoplane/types.h>

#define ACTION        "snowplow_ecommerce_action"
#define ACTION_VENDOR "com.snowplowanalytics.snowplow.ecommerce"
#define LEGACY        "legacy_"

/* A type of the action. */
bool event_is_action(sl_view name);

/* page_view, page_ping or struct. */
bool event_is_built_in(sl_view name);

/* com.snowplowanalytics.*: events of it have no vendor in their name. */
bool event_vendor_is_snowplow(sl_view vendor);

/* Can an event have this name, or a lane list it? At most one slash, behind a vendor or "*"; letters, digits, - and _, and dots in the
 * vendor. */
bool event_name_listable(const char *listed);

/* Does what a lane lists mean events of this name? */
bool event_name_fits(const char *listed, const char *name);

/* Behind the slash, if there is one. */
const char *event_name_bare(const char *name);

#endif
