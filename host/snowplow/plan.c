/* plan.c - see plan.h and event_reader.h. Load time only: nothing here is in a hurry. */
#include "snowplow/plan.h"

#include "base/memory.h"
#include "snowplow/json.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Entities that have a short name: Snowplow's own, and what Enrich adds. */
static const struct {
    const char *vendor, *name, *model;
} short_names[] = {
    {"com.snowplowanalytics.snowplow.ecommerce", "product", "1"},
    {"com.snowplowanalytics.snowplow.ecommerce", "cart", "1"},
    {"com.snowplowanalytics.snowplow.ecommerce", "checkout_step", "1"},
    {"com.snowplowanalytics.snowplow.ecommerce", "transaction", "1"},
    {"com.snowplowanalytics.snowplow.ecommerce", "refund", "1"},
    {"com.snowplowanalytics.snowplow.ecommerce", "promotion", "1"},
    {"com.snowplowanalytics.snowplow.ecommerce", "transaction_error", "1"},
    {"com.snowplowanalytics.snowplow.ecommerce", "page", "1"},
    {"com.snowplowanalytics.snowplow.ecommerce", "user", "1"},
    {"com.snowplowanalytics.snowplow", "client_session", "1"},
    {"com.snowplowanalytics.snowplow", "web_page", "1"},
    {"com.snowplowanalytics.snowplow", "browser_context", "2"},
    {"com.snowplowanalytics.snowplow", "mobile_context", "1"},
    {"com.snowplowanalytics.snowplow", "geolocation_context", "1"},
    {"com.snowplowanalytics.snowplow", "event_specification", "1"},
    {"com.snowplowanalytics.snowplow", "ua_parser_context", "1"},
    {"com.snowplowanalytics.snowplow", "asn", "1"},
    {"com.snowplowanalytics.snowplow", "bot_detection", "1"},
    {"com.snowplowanalytics.snowplow", "client_side_bot_detection", "1"},
    {"com.iab.snowplow", "spiders_and_robots", "1"},
    {"nl.basjes", "yauaa_context", "1"},
};
#define SHORT_NAMES (sizeof short_names / sizeof *short_names)

static const struct {
    const char *name;
    enum place_kind kind;
} derived[] = {
    {"@device_class", PLACE_DEVICE_CLASS},
    {"@location", PLACE_LOCATION},
    {"@user", PLACE_USER},
    {"@session", PLACE_SESSION},
};
#define DERIVED (sizeof derived / sizeof *derived)

static char *copy(const char *text, size_t size) { return memory_format("%.*s", (int)size, text); }

static bool same(const char *text, const char *bytes, size_t size)
{
    return strlen(text) == size && memcmp(text, bytes, size) == 0;
}

/* The number of an entity, or of a field of one; new ones are added. */
static uint32_t entity_number(struct plan *plan, const char *vendor, size_t vendor_size, const char *name,
                              size_t name_size, const char *model, size_t model_size)
{
    for (uint32_t i = 0; i < plan->entity_count; i++) {
        const struct plan_entity *entity = &plan->entities[i];
        if (same(entity->vendor, vendor, vendor_size) && same(entity->name, name, name_size) &&
            same(entity->model, model, model_size))
            return i;
    }
    plan->entities = memory_resize(plan->entities, (plan->entity_count + 1) * sizeof *plan->entities);
    plan->entities[plan->entity_count] = (struct plan_entity){
        .vendor = copy(vendor, vendor_size),
        .name = copy(name, name_size),
        .model = copy(model, model_size),
        .vendor_size = vendor_size,
        .name_size = name_size,
        .model_size = model_size,
    };
    return plan->entity_count++;
}

static uint32_t field_number(struct plan *plan, uint32_t number, const char *path)
{
    struct plan_entity *entity = &plan->entities[number];
    size_t size = strcspn(path, ".");
    const char *rest = path[size] == '.' ? path + size + 1 : NULL;
    for (uint32_t i = 0; i < entity->field_count; i++) {
        const struct plan_field *field = &entity->fields[i];
        bool same_rest = rest == NULL ? field->rest == NULL : field->rest != NULL && strcmp(field->rest, rest) == 0;
        if (same(field->name, path, size) && same_rest)
            return i;
    }
    entity->fields = memory_resize(entity->fields, (entity->field_count + 1) * sizeof *entity->fields);
    entity->fields[entity->field_count] =
        (struct plan_field){.name = copy(path, size), .size = size, .rest = rest == NULL ? NULL : memory_text(rest)};
    return entity->field_count++;
}

static uint32_t fixed(struct plan *plan, const char *vendor, const char *name, const char *const *fields)
{
    uint32_t entity = entity_number(plan, vendor, strlen(vendor), name, strlen(name), "1", 1);
    for (; *fields != NULL; fields++)
        (void)field_number(plan, entity, *fields);
    return entity;
}

struct plan *plan_new(void)
{
    static const char *const none[] = {NULL};
    static const char *const session[] = {"sessionId", NULL};
    static const char *const yauaa[] = {"deviceClass", NULL};
    static const char *const ua_parser[] = {
        [UA_PARSER_DEVICE] = "deviceFamily", [UA_PARSER_OS] = "osFamily", [UA_PARSER_AGENT] = "useragentFamily", NULL};
    struct plan *plan = memory_new(sizeof *plan);
    plan->text_max = SIZE_MAX;
    uint32_t event = fixed(plan, "", "event", none);
    uint32_t client_session = fixed(plan, "com.snowplowanalytics.snowplow", "client_session", session);
    uint32_t yauaa_context = fixed(plan, "nl.basjes", "yauaa_context", yauaa);
    uint32_t ua_parser_context = fixed(plan, "com.snowplowanalytics.snowplow", "ua_parser_context", ua_parser);
    assert(event == ENTITY_EVENT && client_session == ENTITY_CLIENT_SESSION && yauaa_context == ENTITY_YAUAA &&
           ua_parser_context == ENTITY_UA_PARSER && plan->entity_count == ENTITY_FIXED);
    (void)event, (void)client_session, (void)yauaa_context, (void)ua_parser_context;
    return plan;
}

static void lane_free(struct plan_lane *lane)
{
    for (uint32_t i = 0; i < lane->count; i++)
        free(lane->places[i].path);
    free(lane->places);
}

void plan_free(struct plan *plan)
{
    if (plan == NULL)
        return;
    for (uint32_t i = 0; i < plan->entity_count; i++) {
        struct plan_entity *entity = &plan->entities[i];
        for (uint32_t f = 0; f < entity->field_count; f++) {
            free(entity->fields[f].name);
            free(entity->fields[f].rest);
        }
        free(entity->fields);
        free(entity->vendor);
        free(entity->name);
        free(entity->model);
    }
    for (uint32_t i = 0; i < plan->lane_count; i++)
        lane_free(&plan->lanes[i]);
    for (uint32_t i = 0; i < plan->event_count; i++)
        free(plan->events[i].name);
    nobody_free(&plan->nobody);
    free(plan->odd_told);
    free(plan->entities);
    free(plan->lanes);
    free(plan->events);
    free(plan);
}

uint32_t plan_add_event(struct plan *plan, const char *name)
{
    assert(!plan->sealed);
    for (uint32_t i = 0; i < plan->event_count; i++)
        if (strcmp(plan->events[i].name, name) == 0)
            return i;
    plan->events = memory_resize(plan->events, (plan->event_count + 1) * sizeof *plan->events);
    struct plan_event *event = &plan->events[plan->event_count];
    *event = (struct plan_event){.name = memory_text(name), .size = strlen(name)};
    if (strncmp(name, "*/", 2) == 0) {
        event->bare = event->name + 2;
        plan->any_vendor = true;
    }
    return plan->event_count++;
}

const char *plan_event_name(const struct plan *plan, uint32_t number)
{
    assert(number < plan->event_count);
    return plan->events[number].name;
}

/* How many letters have to be changed, added or left out to make one word of the other (up to 63 bytes of each). */
static unsigned distance(const char *a, size_t a_size, const char *b)
{
    enum { MOST = 63 };
    size_t b_size = strlen(b);
    if (a_size > MOST)
        a_size = MOST;
    if (b_size > MOST)
        b_size = MOST;
    unsigned row[MOST + 1];
    for (size_t i = 0; i <= b_size; i++)
        row[i] = (unsigned)i;
    for (size_t i = 1; i <= a_size; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_size; j++) {
            unsigned change = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            unsigned add = row[j] + 1 < row[j - 1] + 1 ? row[j] + 1 : row[j - 1] + 1;
            row[j] = change < add ? change : add;
        }
    }
    return row[b_size];
}

/* The names nearest to what was written. */
struct nearest {
    const char *word;
    size_t size;
    struct {
        const char *name;
        unsigned distance;
    } best[3];
};

static void nearest_offer(struct nearest *nearest, const char *name)
{
    unsigned away = distance(nearest->word, nearest->size, name);
    for (size_t i = 0; i < 3; i++) {
        if (nearest->best[i].name == NULL || away < nearest->best[i].distance) {
            for (size_t k = 2; k > i; k--)
                nearest->best[k] = nearest->best[k - 1];
            nearest->best[i].name = name;
            nearest->best[i].distance = away;
            return;
        }
    }
}

static void refuse(struct error *error, const sl_input *input)
{
    error_what(error, "input \"%s\" asks for \"%s\", which is no place in an event", input->name, input->path);
}

static bool place_column(const sl_input *input, struct place *place, struct error *error)
{
    int column = column_find(input->path, strlen(input->path));
    if (column >= 0) {
        place->kind = PLACE_COLUMN;
        place->column = (enum column)column;
        if (columns[column].type != COLUMN_TYPE_CONTEXTS && columns[column].type != COLUMN_TYPE_UNSTRUCT)
            return true;
        refuse(error, input);
        error_found(error, "%s is a column of JSON", input->path);
        error_advice(error, "name what is wanted inside it: product[0].price, com.acme/wishlist/1[0].size, event.name");
        return false;
    }
    for (size_t i = 0; i < DERIVED; i++) {
        if (strcmp(derived[i].name, input->path) == 0) {
            place->kind = derived[i].kind;
            return true;
        }
    }
    refuse(error, input);
    if (*input->path == '@') {
        error_found(error, "nothing of this name is derived");
        error_advice(error, "what is derived: %s, %s, %s, %s", derived[0].name, derived[1].name, derived[2].name,
                     derived[3].name);
        return false;
    }
    struct nearest nearest = {.word = input->path, .size = strlen(input->path)};
    for (int i = 0; i < COLUMN_COUNT; i++)
        if (columns[i].type != COLUMN_TYPE_CONTEXTS && columns[i].type != COLUMN_TYPE_UNSTRUCT)
            nearest_offer(&nearest, columns[i].name);
    size_t word = strcspn(input->path, ".");
    for (size_t i = 0; i < SHORT_NAMES; i++) {
        if (same(short_names[i].name, input->path, word)) {
            error_found(error, "%s is an entity, of which an event may have several", short_names[i].name);
            error_advice(error, "say which one and which field: %s[0].%s, or %s[*] for all of them",
                         short_names[i].name, input->path[word] == '.' ? input->path + word + 1 : "field",
                         short_names[i].name);
            return false;
        }
    }
    error_found(error, "no column has this name");
    error_advice(error,
                 "nearest: %s, %s, %s; a field of an entity is written product[0].price, of the event event.name",
                 nearest.best[0].name, nearest.best[1].name, nearest.best[2].name);
    return false;
}

/* Are these field names, with dots between them? */
static bool fields_right(const char *path)
{
    for (;;) {
        size_t size = strcspn(path, ".");
        if (size == 0 || size > JSON_NAME_MAX || strcspn(path, "[]") < size)
            return false;
        if (path[size] == '\0')
            return true;
        path += size + 1;
    }
}

static bool place_entity(struct plan *plan, const sl_input *input, struct place *place, struct error *error)
{
    const char *path = input->path;
    size_t size = strcspn(path, "[");
    const char *bracket = path + size, *closing = strchr(bracket, ']');
    place->kind = PLACE_FIELD;
    if (closing == NULL || closing[1] != '.' || !fields_right(closing + 2)) {
        refuse(error, input);
        error_found(error, "after the entity's name comes \"%s\"", bracket);
        error_advice(error, "write %.*s[0].field for the first such entity, %.*s[*].field for every one", (int)size,
                     path, (int)size, path);
        return false;
    }
    if (closing - bracket == 2 && bracket[1] == '*') {
        place->element = PLACE_EVERY;
    } else {
        char *end;
        unsigned long element = strtoul(bracket + 1, &end, 10);
        if (bracket[1] < '0' || bracket[1] > '9' || end != closing || element > 9999) {
            refuse(error, input);
            error_found(error, "\"%.*s\" is not the number of an entity", (int)(closing - bracket - 1), bracket + 1);
            error_advice(error, "write [0] for the first entity, up to [9999], or [*] for every one");
            return false;
        }
        place->element = (uint32_t)element;
    }

    const char *first = memchr(path, '/', size);
    if (first != NULL) {
        const char *second = memchr(first + 1, '/', size - (size_t)(first + 1 - path));
        size_t name_size = second == NULL ? 0 : (size_t)(second - first - 1);
        const char *model = second == NULL ? bracket : second + 1;
        size_t model_size = (size_t)(bracket - model);
        if (first == path || name_size == 0 || model_size == 0 || strspn(model, "0123456789") != model_size ||
            *model == '0') {
            refuse(error, input);
            error_found(error, "\"%.*s\" is not vendor/name/model", (int)size, path);
            error_advice(error, "of iglu:com.acme/wishlist/jsonschema/1-0-0 write com.acme/wishlist/1[0].field");
            return false;
        }
        place->entity = entity_number(plan, path, (size_t)(first - path), first + 1, name_size, model, model_size);
        place->field = field_number(plan, place->entity, closing + 2);
        return true;
    }
    struct nearest nearest = {.word = path, .size = size};
    for (size_t i = 0; i < SHORT_NAMES; i++) {
        if (same(short_names[i].name, path, size)) {
            place->entity = entity_number(plan, short_names[i].vendor, strlen(short_names[i].vendor), path, size,
                                          short_names[i].model, 1);
            place->field = field_number(plan, place->entity, closing + 2);
            return true;
        }
        nearest_offer(&nearest, short_names[i].name);
    }
    refuse(error, input);
    error_found(error, "\"%.*s\" is not one of the entities that have a short name", (int)size, path);
    error_advice(error, "nearest: %s, %s, %s; any other is written vendor/name/model[0].field", nearest.best[0].name,
                 nearest.best[1].name, nearest.best[2].name);
    return false;
}

static bool place_event(struct plan *plan, const sl_input *input, struct place *place, struct error *error)
{
    const char *field = input->path + strlen("event.");
    if (!fields_right(field)) {
        refuse(error, input);
        error_found(error, "\"%s\" is not the name of a field", field);
        error_advice(error, "write event.field for a field of the self-describing event's data");
        return false;
    }
    place->kind = PLACE_FIELD;
    place->entity = ENTITY_EVENT;
    place->field = field_number(plan, ENTITY_EVENT, field);
    return true;
}

static bool resolve(struct plan *plan, const sl_input *input, struct place *place, struct error *error)
{
    if (strncmp(input->path, "event.", 6) == 0)
        return place_event(plan, input, place, error);
    if (strchr(input->path, '[') != NULL)
        return place_entity(plan, input, place, error);
    return place_column(input, place, error);
}

/* The number of a path's odd_told: that of the same path before, in this lane or another. */
static uint32_t told_number(struct plan *plan, const struct plan_lane *lane, uint32_t before, const char *path)
{
    for (uint32_t i = 0; i < before; i++)
        if (strcmp(lane->places[i].path, path) == 0)
            return lane->places[i].told;
    for (uint32_t n = 0; n < plan->lane_count; n++)
        for (uint32_t i = 0; i < plan->lanes[n].count; i++)
            if (strcmp(plan->lanes[n].places[i].path, path) == 0)
                return plan->lanes[n].places[i].told;
    return plan->told_count++;
}

int plan_add_inputs(struct plan *plan, const sl_input *inputs, struct error *error)
{
    assert(!plan->sealed);
    struct plan_lane lane = {0};
    while (inputs != NULL && inputs[lane.count].path != NULL)
        lane.count++;
    lane.places = memory_new((lane.count + 1) * sizeof *lane.places);
    for (uint32_t i = 0; i < lane.count; i++) {
        lane.places[i].path = memory_text(inputs[i].path);
        if (!resolve(plan, &inputs[i], &lane.places[i], error)) {
            lane_free(&lane);
            return -1;
        }
        lane.places[i].told = told_number(plan, &lane, i, inputs[i].path);
    }
    plan->lanes = memory_resize(plan->lanes, (plan->lane_count + 1) * sizeof *plan->lanes);
    plan->lanes[plan->lane_count] = lane;
    return (int)plan->lane_count++;
}

void plan_set_nobody(struct plan *plan, const char *const *ids, size_t count)
{
    assert(!plan->sealed && plan->nobody.ids == NULL);
    nobody_init(&plan->nobody, ids, count);
}

void plan_set_text_max(struct plan *plan, size_t bytes)
{
    assert(!plan->sealed);
    plan->text_max = bytes;
}

void plan_seal(struct plan *plan)
{
    plan->odd_told = memory_new((plan->told_count + 1) * sizeof *plan->odd_told); /* zeroed: false */
    plan->sealed = true;
}
