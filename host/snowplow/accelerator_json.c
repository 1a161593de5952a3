/* accelerator_json.c - the JSON of the live-shopper accelerator's topic, read as if it were an enriched event.
 *
 * One object a message, opened whole. Its places are those of a line's columns and entities as far as it carries them; the
 * others are absent. An empty object stands for "no such entity". */
#include "snowplow/reader.h"

#include <string.h>

/* Where columns are. Those of a page view come twice: in its payload, and in older messages only in enrich. */
static const struct {
    const char *path, *other;
} places[COLUMN_COUNT] = {
    [COLUMN_APP_ID] = {"metadata.app_id", NULL},
    [COLUMN_PLATFORM] = {"enrich.platform", NULL},
    [COLUMN_ETL_TSTAMP] = {"metadata.etl_tstamp", NULL},
    [COLUMN_COLLECTOR_TSTAMP] = {"metadata.collector_tstamp", NULL},
    [COLUMN_DVCE_CREATED_TSTAMP] = {"enrich.client.device.created_tstamp", NULL},
    [COLUMN_EVENT_ID] = {"id", NULL},
    [COLUMN_NAME_TRACKER] = {"metadata.name_tracker", NULL},
    [COLUMN_V_TRACKER] = {"metadata.v_tracker", NULL},
    [COLUMN_V_COLLECTOR] = {"metadata.v_collector", NULL},
    [COLUMN_V_ETL] = {"metadata.v_etl", NULL},
    [COLUMN_USER_ID] = {"enrich.user.user_id", NULL},
    [COLUMN_USER_IPADDRESS] = {"enrich.user.ip_address", NULL},
    [COLUMN_DOMAIN_USERID] = {"enrich.user.domain_userid", NULL},
    [COLUMN_DOMAIN_SESSIONIDX] = {"session.domain_sessionidx", "session.sessionIndex"},
    [COLUMN_NETWORK_USERID] = {"enrich.user.network_userid", NULL},
    [COLUMN_PAGE_URL] = {"payload.page_url", "enrich.client.page.page_url"},
    [COLUMN_PAGE_TITLE] = {"payload.page_title", "enrich.client.page.page_title"},
    [COLUMN_PAGE_REFERRER] = {"payload.referrer", "enrich.client.page.page_referrer"},
    [COLUMN_PAGE_URLSCHEME] = {"enrich.client.page.page_urlscheme", NULL},
    [COLUMN_PAGE_URLHOST] = {"enrich.client.page.page_urlhost", NULL},
    [COLUMN_PAGE_URLPORT] = {"enrich.client.page.page_urlport", NULL},
    [COLUMN_PAGE_URLPATH] = {"enrich.client.page.page_urlpath", NULL},
    [COLUMN_PAGE_URLQUERY] = {"enrich.client.page.page_urlquery", NULL},
    [COLUMN_PAGE_URLFRAGMENT] = {"enrich.client.page.page_urlfragment", NULL},
    [COLUMN_MKT_MEDIUM] = {"enrich.marketing.mkt_medium", NULL},
    [COLUMN_MKT_SOURCE] = {"enrich.marketing.mkt_source", NULL},
    [COLUMN_MKT_TERM] = {"enrich.marketing.mkt_term", NULL},
    [COLUMN_MKT_CONTENT] = {"enrich.marketing.mkt_content", NULL},
    [COLUMN_MKT_CAMPAIGN] = {"enrich.marketing.mkt_campaign", NULL},
    [COLUMN_SE_CATEGORY] = {"payload.se_data.category", NULL},
    [COLUMN_SE_ACTION] = {"payload.se_data.action", NULL},
    [COLUMN_SE_LABEL] = {"payload.se_data.label", NULL},
    [COLUMN_SE_PROPERTY] = {"payload.se_data.property", NULL},
    [COLUMN_SE_VALUE] = {"payload.se_data.value", NULL},
    [COLUMN_USERAGENT] = {"enrich.client.useragent", NULL},
    [COLUMN_OS_TIMEZONE] = {"enrich.client.device.os_timezone", NULL},
    [COLUMN_DVCE_SCREENWIDTH] = {"enrich.client.device.screen_width", NULL},
    [COLUMN_DVCE_SCREENHEIGHT] = {"enrich.client.device.screen_height", NULL},
    [COLUMN_MKT_CLICKID] = {"enrich.marketing.mkt_clickid", NULL},
    [COLUMN_MKT_NETWORK] = {"enrich.marketing.mkt_network", NULL},
    [COLUMN_DVCE_SENT_TSTAMP] = {"enrich.client.device.sent_tstamp", NULL},
    [COLUMN_DOMAIN_SESSIONID] = {"session.domain_sessionid", "session.sessionId"},
    [COLUMN_DERIVED_TSTAMP] = {"timestamp", NULL},
    [COLUMN_EVENT_VENDOR] = {"metadata.event_vendor", NULL},
    [COLUMN_EVENT_FORMAT] = {"metadata.event_format", NULL},
    [COLUMN_EVENT_VERSION] = {"metadata.event_version", NULL},
    [COLUMN_EVENT_FINGERPRINT] = {"metadata.event_fingerprint", NULL},
};

/* Where entities are. */
static const struct {
    const char *vendor, *name, *model;
    const char *one;  /* an object */
    const char *many; /* an array of them, looked at first; NULL: never */
} entities[] = {
    {"com.snowplowanalytics.snowplow.ecommerce", "product", "1", "payload.product", "payload.products"},
    {"com.snowplowanalytics.snowplow.ecommerce", "cart", "1", "payload.cart", NULL},
    {"com.snowplowanalytics.snowplow.ecommerce", "checkout_step", "1", "payload.checkout_step", NULL},
    {"com.snowplowanalytics.snowplow.ecommerce", "promotion", "1", "payload.promotion", NULL},
    {"com.snowplowanalytics.snowplow", "event_specification", "1", "payload.specification", NULL},
    {"com.snowplowanalytics.snowplow", "client_session", "1", "session", NULL},
    {"com.snowplowanalytics.snowplow", "browser_context", "2", "enrich.client.browser", NULL},
};

int8_t accelerator_entity(const struct plan_entity *entity)
{
    for (size_t i = 0; i < sizeof entities / sizeof *entities; i++)
        if (strcmp(entity->vendor, entities[i].vendor) == 0 && strcmp(entity->name, entities[i].name) == 0 &&
            strcmp(entity->model, entities[i].model) == 0)
            return (int8_t)i;
    return -1;
}

bool accelerator_open(struct reader *reader, struct bad_row *bad)
{
    struct opened *opened = &reader->opened[OPENED_MESSAGE];
    const char *wrong = json_read(reader->parser, reader->message, &opened->json);
    if (wrong != NULL) {
        bad_row_set(bad, BAD_JSON, "", reader->message, "the message %s", wrong);
        return false;
    }
    opened->state = OPENED_WELL;
    memset(opened->entities, 0, reader->plan->entity_count * sizeof *opened->entities);
    memset(opened->mentions, 0, reader->plan->entity_count * sizeof *opened->mentions);
    return true;
}

static sl_view text_of(struct reader *reader, const char *path)
{
    struct json *json = &reader->opened[OPENED_MESSAGE].json;
    return reader_text_of(reader, json, json_follow(json, 0, path), path);
}

sl_view accelerator_column(struct reader *reader, enum column column)
{
    if (places[column].path == NULL)
        return (sl_view){"", 0};
    sl_view text = text_of(reader, places[column].path);
    return text.size != 0 || places[column].other == NULL ? text : text_of(reader, places[column].other);
}

/* An object that is not empty. */
static bool there(const struct json *json, uint32_t node)
{
    return node != 0 && json_is(json, node, JSON_OBJECT) && json->nodes[node].next > node + 1;
}

/* Of the event's own data this format has the name of a list. */
static void find_event(struct reader *reader, struct json *json, struct rows *rows)
{
    const struct plan_entity *event = &reader->plan->entities[ENTITY_EVENT];
    uint32_t name = json_follow(json, 0, "payload.list_name");
    if (name == 0)
        return;
    uint32_t *row = reader_new_row(reader, ENTITY_EVENT);
    for (uint32_t i = 0; i < event->field_count; i++)
        if (event->fields[i].rest == NULL && strcmp(event->fields[i].name, "name") == 0)
            row[i] = name;
    rows->count = 1;
}

static void find_rows(struct reader *reader, struct json *json, uint32_t entity, struct rows *rows)
{
    int8_t place = reader->accelerator_entities[entity];
    rows->first = reader->row_count;
    if (entity == ENTITY_EVENT)
        find_event(reader, json, rows);
    if (place < 0)
        return;
    uint32_t many = entities[place].many == NULL ? 0 : json_follow(json, 0, entities[place].many);
    if (many != 0 && json_is(json, many, JSON_ARRAY)) {
        for (uint32_t node = many + 1; node < json->nodes[many].next; node = json->nodes[node].next) {
            if (!there(json, node))
                continue;
            reader_add_row(reader, json, entity, node);
            rows->count++;
        }
    }
    uint32_t one = json_follow(json, 0, entities[place].one);
    if (rows->count != 0 || !there(json, one))
        return;
    /* Without that entity `session` holds the columns of the session instead */
    if (strcmp(entities[place].name, "client_session") == 0 && json_find(json, one, "sessionId", 9) == 0)
        return;
    reader_add_row(reader, json, entity, one);
    rows->count = 1;
}

struct opened *accelerator_rows(struct reader *reader, uint32_t entity)
{
    struct opened *opened = &reader->opened[OPENED_MESSAGE];
    if (!opened->mentions[entity]) { /* here: its rows were looked for */
        opened->mentions[entity] = true;
        find_rows(reader, &opened->json, entity, &opened->entities[entity]);
    }
    return opened->entities[entity].count == 0 ? NULL : opened;
}
