/* entities.h - the JSON of an event: its entities and its self-describing data, as the trackers send them; shared by both
 * formats. And the parts of an address. */
#ifndef DEMO_ENTITIES_H
#define DEMO_ENTITIES_H

#include "demo/event.h"

#define SHOP_HOST "www.shoplane.example"
#define APP_ID "shoplane-demo"

/* Does the event carry it? */
bool event_has_session_entity(const struct shop_event *event);
bool event_has_timing(const struct shop_event *event);
bool event_is_app(const struct shop_event *event);
bool event_has_page(const struct shop_event *event); /* the page columns */

/* Columns that need a decision. */
const char *event_platform(const struct shop_event *event);
bool event_user_id(struct buffer *out, const struct shop_event *event); /* false: nobody is logged in; nothing written */
bool event_has_domain_user(const struct shop_event *event);
bool event_has_network_user(const struct shop_event *event);
struct uuid event_session(const struct shop_event *event);
uint32_t event_session_index(const struct shop_event *event);
void event_address(struct buffer *out, const struct shop_event *event);
void event_fingerprint(struct buffer *out, const struct shop_event *event);

/* The data of single entities: {...}. */
void browser_data(struct buffer *out, const struct shop_event *event);
void timing_data(struct buffer *out, const struct shop_event *event);
void session_data(struct buffer *out, const struct shop_event *event);
void specification_data(struct buffer *out, const struct shop_event *event);
void cart_data(struct buffer *out, const struct shop_event *event);
void checkout_data(struct buffer *out, const struct shop_event *event);
void promotion_data(struct buffer *out, const struct world *world, const struct shop_event *event);
void item_data(struct buffer *out, const struct world *world, const struct shop_event *event, uint16_t i);

/* Whole columns. */
void contexts_column(struct buffer *out, const struct world *world, const struct shop_event *event);
void unstruct_column(struct buffer *out, const struct shop_event *event);

/* Addresses: of the shop's pages, or of the outside. */
void page_url(struct buffer *out, const struct world *world, struct page page);
void page_path(struct buffer *out, const struct world *world, struct page page);
void page_query(struct buffer *out, const struct world *world, struct page page);
void page_title(struct buffer *out, const struct world *world, struct page page);
const char *page_host(struct page page);
const char *page_fragment(struct page page);

struct outside {
    const char *url, *host, *path, *medium, *source;
};
#define OUTSIDES 5
extern const struct outside outsides[OUTSIDES];

#endif
