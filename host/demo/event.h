/* event.h - one thing a tracker of the shop reports, before it is written down in a format.
 *
 * It points at the shopper and the visit as they are at that moment, so it must be written before either moves on. The
 * delivery (when it was sent, received, enriched) is separate, because a retry delivers the same event twice. */
#ifndef DEMO_EVENT_H
#define DEMO_EVENT_H

#include "demo/catalogue.h"
#include "demo/devices.h"

enum event_kind {
    EVENT_PAGE_VIEW,
    EVENT_PAGE_PING,
    EVENT_SCREEN_VIEW,
    EVENT_LINK_CLICK,
    EVENT_SITE_SEARCH,
    EVENT_PRODUCT_VIEW, /* from here on snowplow_ecommerce_action */
    EVENT_LIST_VIEW,
    EVENT_LIST_CLICK,
    EVENT_ADD_TO_CART,
    EVENT_REMOVE_FROM_CART,
    EVENT_CHECKOUT_STEP,
    EVENT_TRANSACTION,
    EVENT_REFUND,
    EVENT_PROMO_VIEW,
    EVENT_PROMO_CLICK,
    EVENT_TRANSACTION_ERROR,
    EVENT_KINDS
};

/* What a kind is called and where it is described; the action's type for e-commerce. */
struct event_class {
    const char *column;  /* of the event column: page_view, page_ping, unstruct */
    const char *vendor, *name, *version;
    const char *type;    /* of the e-commerce action, else NULL */
    const char *specification; /* the name in the tracking plan, else NULL */
};
extern const struct event_class event_classes[EVENT_KINDS];

enum page_kind { PAGE_NONE, PAGE_OUTSIDE, PAGE_HOME, PAGE_LIST, PAGE_PRODUCT, PAGE_SEARCH, PAGE_CART, PAGE_SIGN_IN, PAGE_PAYMENT, PAGE_THANKS, PAGE_HELP };

/* An address of the shop, or one outside that referred to it. */
struct page {
    uint8_t kind;
    uint8_t campaign;  /* 1 + index of the campaign whose utm_ parameters it carries; 0: none */
    uint16_t which;    /* the product, category, search term, or outside referrer */
    uint32_t order;    /* PAGE_THANKS */
};

struct line_item {
    uint16_t product;
    uint16_t quantity; /* 0: not sent */
};

#define CART_MAX 8
#define LIST_MAX 24

/* What stays of a shopper between visits; index into the population. All zero: never seen. */
struct shopper {
    struct uuid session, previous_session, first_event;
    int64_t first_event_ms, last_event_ms;
    uint32_t session_index, event_index;
    struct line_item cart[CART_MAX];
    uint8_t cart_count;
    bool logged_in, visiting;
};

/* What follows from seed and index alone, and holds for one visit. */
struct profile {
    uint32_t number;
    struct uuid domain_user, network_user;
    int32_t clock_skew_ms; /* of the device */
    uint16_t device, place;
    uint16_t address;      /* last part of the IP address */
    bool has_account, no_cookies, no_ids, no_session_entity, no_timing, no_yauaa, sends_email;
};

/* One stay of a shopper at the shop. */
struct visit {
    uint32_t shopper;
    struct profile profile;
    struct uuid tab, page_id;
    struct page page, referrer;
    uint64_t list_seed; /* the list that the page shows */
    uint8_t list_count;
    const char *list_name;
    uint16_t list_category; /* CATEGORIES: of all */
    uint16_t moves_left;
    uint8_t pings_left;
    uint8_t stage;
    uint16_t scroll, document_height;
    uint16_t timing[4]; /* milliseconds of the page's loading: response start, interactive, content loaded, complete */
};

struct shop_event {
    enum event_kind kind;
    struct uuid id;
    const struct shopper *shopper;
    const struct profile *profile;
    const struct visit *visit;  /* NULL: sent by the shop's server, with no page and no session entity */
    int64_t time_ms;            /* when it happened */
    bool earlier_session;       /* it waited on the device since the session before */
    struct line_item items[LIST_MAX];
    uint16_t item_count;
    uint16_t first_position;    /* of the first item in its list; 0: none */
    const char *list_name;
    uint8_t step, promotion, term;
    uint16_t results;
    uint32_t order;             /* transaction id */
    uint64_t cart_cents, revenue_cents;
    const char *reason;         /* of a refund */
};

struct delivery {
    int64_t created_ms, sent_ms; /* by the device's clock; 0: not sent by such a tracker */
    int64_t collector_ms, derived_ms, etl_ms;
    int64_t true_ms;             /* 0: none */
};

/* The shop's world: constant while events are written. */
struct world {
    struct catalogue *catalogue;
    struct derived *derived;
};

#endif
