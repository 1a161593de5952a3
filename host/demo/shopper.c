/* shopper.c - see shopper.h. The shares in choose() were tuned until a stream looked like a shop's: about 35% page views,
 * 20% product views, 12% list views, 10% page pings, 14 events a visit, one visit in ten with an order. */
#include "demo/shopper.h"

#include "demo/entities.h"

#define SESSION_GAP_MS (30 * MINUTE_MS)

enum { STAGE_ARRIVED, STAGE_ADDED, STAGE_PAYING };

static struct random *dice(struct behaviour *behaviour) { return &behaviour->random; }

struct profile profile_of(uint64_t seed, uint32_t number, bool bot)
{
    struct random random = {random_mix(seed, 0x5000000ull + number)};
    struct profile profile = {.number = number};
    profile.domain_user = random_uuid(&random);
    profile.network_user = random_uuid(&random);
    profile.address = (uint16_t)random_below(&random, 65536);
    profile.place = place_pick((uint32_t)random_next(&random));
    enum device_kind kind = bot ? DEVICE_BOT : random_percent(&random, 5) ? DEVICE_APP : DEVICE_BROWSER;
    profile.device = device_pick((uint32_t)random_next(&random), kind);
    uint32_t skewed = random_below(&random, 100);
    if (skewed < 2)
        profile.clock_skew_ms = (int32_t)random_between(&random, -5 * HOUR_MS, 5 * HOUR_MS);
    else if (skewed < 15)
        profile.clock_skew_ms = (int32_t)random_between(&random, -2000, 2000);
    profile.has_account = !bot && random_percent(&random, 60);
    profile.sends_email = random_percent(&random, 10);
    profile.no_cookies = random_percent(&random, 2);
    profile.no_ids = random_below(&random, 1000) < 5;
    profile.no_session_entity = random_percent(&random, 8);
    profile.no_timing = random_percent(&random, 80);
    profile.no_yauaa = random_percent(&random, 4);
    return profile;
}

/* Time to think: most thoughts are short. */
static int64_t think(struct behaviour *behaviour, int64_t least_ms, int64_t most_ms)
{
    int64_t spread = random_below(dice(behaviour), (uint32_t)(most_ms - least_ms));
    spread = spread * random_below(dice(behaviour), 1000) / 1000;
    return (least_ms + spread) * behaviour->pace_permille / 1000;
}

static struct shop_event event_of(struct behaviour *behaviour, enum event_kind kind, const struct shopper *shopper,
                                  const struct visit *visit, int64_t time_ms)
{
    struct shop_event event; /* items are left as they are: item_count says how many there are */
    event.kind = kind;
    event.id = random_uuid(dice(behaviour));
    event.shopper = shopper;
    event.profile = &visit->profile;
    event.visit = visit;
    event.time_ms = time_ms;
    event.earlier_session = false;
    event.item_count = 0;
    event.first_position = 0;
    event.list_name = NULL;
    event.step = event.promotion = event.term = 0;
    event.results = 0;
    event.order = 0;
    event.cart_cents = event.revenue_cents = 0;
    event.reason = NULL;
    return event;
}

/* The tracker in the browser counts events and renews the session after half an hour of silence. */
static void send(struct behaviour *behaviour, struct shopper *shopper, struct shop_event *event)
{
    if (shopper->session_index == 0 || event->time_ms - shopper->last_event_ms > SESSION_GAP_MS) {
        if (shopper->session_index == 0 && random_percent(dice(behaviour), 50)) {
            shopper->session_index = random_below(dice(behaviour), 30); /* known before the simulation begins */
            shopper->session = random_uuid(dice(behaviour));
        }
        shopper->previous_session = shopper->session;
        shopper->session = random_uuid(dice(behaviour));
        shopper->session_index++;
        shopper->event_index = 0;
        shopper->first_event = event->id;
        shopper->first_event_ms = event->time_ms;
    }
    shopper->event_index++;
    if (event->time_ms > shopper->last_event_ms)
        shopper->last_event_ms = event->time_ms;
    behaviour->receive(behaviour->receiver, event);
}

static void send_plain(struct behaviour *behaviour, struct visit *visit, struct shopper *shopper, enum event_kind kind,
                       int64_t time_ms)
{
    struct shop_event event = event_of(behaviour, kind, shopper, visit, time_ms);
    send(behaviour, shopper, &event);
}

static void send_product(struct behaviour *behaviour, struct visit *visit, struct shopper *shopper, enum event_kind kind,
                         uint16_t product, uint16_t quantity, int64_t time_ms)
{
    struct shop_event event = event_of(behaviour, kind, shopper, visit, time_ms);
    event.items[0] = (struct line_item){product, quantity};
    event.item_count = 1;
    for (uint8_t i = 0; i < shopper->cart_count; i++)
        event.cart_cents += (uint64_t)product_price(&behaviour->world->catalogue->products[shopper->cart[i].product], time_ms) *
                            shopper->cart[i].quantity;
    if (kind == EVENT_LIST_CLICK) {
        event.list_name = visit->list_name;
        event.first_position = (uint16_t)(1 + random_below(dice(behaviour), visit->list_count));
    }
    send(behaviour, shopper, &event);
}

/* Product i of the list that the page shows. */
static uint16_t listed(const struct behaviour *behaviour, const struct visit *visit, uint8_t i)
{
    struct random random = {random_mix(visit->list_seed, i)};
    if (visit->list_category < CATEGORIES)
        return catalogue_of_category(&random, visit->list_category);
    return catalogue_popular(behaviour->world->catalogue, &random);
}

static void show_list(struct behaviour *behaviour, struct visit *visit, struct shopper *shopper, const char *name,
                      uint16_t category, uint8_t count, int64_t time_ms)
{
    visit->list_seed = random_next(dice(behaviour));
    visit->list_name = name;
    visit->list_category = category;
    visit->list_count = count;
    struct shop_event event = event_of(behaviour, EVENT_LIST_VIEW, shopper, visit, time_ms);
    event.list_name = name;
    event.first_position = 1;
    for (uint8_t i = 0; i < count; i++)
        event.items[event.item_count++] = (struct line_item){listed(behaviour, visit, i), 0};
    send(behaviour, shopper, &event);
}

static void send_promotion(struct behaviour *behaviour, struct visit *visit, struct shopper *shopper, enum event_kind kind,
                           int64_t time_ms)
{
    struct shop_event event = event_of(behaviour, kind, shopper, visit, time_ms);
    event.promotion = (uint8_t)random_below(dice(behaviour), PROMOTIONS);
    send(behaviour, shopper, &event);
}

static void send_step(struct behaviour *behaviour, struct visit *visit, struct shopper *shopper, uint8_t step, int64_t time_ms)
{
    struct shop_event event = event_of(behaviour, EVENT_CHECKOUT_STEP, shopper, visit, time_ms);
    event.step = step;
    send(behaviour, shopper, &event);
}

static uint8_t list_length(struct behaviour *behaviour)
{
    return (uint8_t)(random_percent(dice(behaviour), 3) ? 8 + random_below(dice(behaviour), LIST_MAX - 7)
                                                         : 2 + random_below(dice(behaviour), 4));
}

/* Open a page: the view, what the page itself reports, and how long it is looked at. */
static int64_t open_page(struct behaviour *behaviour, struct visit *visit, struct shopper *shopper, struct page page,
                         int64_t time_ms)
{
    struct random *random = dice(behaviour);
    bool bot = devices[visit->profile.device].kind == DEVICE_BOT, app = devices[visit->profile.device].kind == DEVICE_APP;
    visit->referrer = visit->page;
    visit->page = page;
    visit->stage = STAGE_ARRIVED;
    visit->page_id = random_uuid(random);
    uint64_t chance = random_next(random);
    visit->timing[0] = (uint16_t)(30 + (chance & 511));
    visit->timing[1] = (uint16_t)(visit->timing[0] + 20 + (chance >> 9 & 255));
    visit->timing[2] = (uint16_t)(visit->timing[1] + 40 + (chance >> 17 & 511));
    visit->timing[3] = (uint16_t)(visit->timing[2] + 10 + (chance >> 26 & 1023));
    visit->document_height = (uint16_t)(900 + (chance >> 36 & 2047));
    visit->pings_left = (uint8_t)(!bot && !app && random_percent(random, 17) ? 1 + random_below(random, 3) : 0);
    send_plain(behaviour, visit, shopper, app ? EVENT_SCREEN_VIEW : EVENT_PAGE_VIEW, time_ms);
    int64_t after_ms = time_ms + 1 + (int64_t)(chance >> 60);

    switch ((enum page_kind)page.kind) {
    case PAGE_HOME:
        if (!bot && random_percent(random, 50))
            show_list(behaviour, visit, shopper, "New series", CATEGORIES, list_length(behaviour), after_ms);
        if (!bot && random_percent(random, 45))
            show_list(behaviour, visit, shopper, "Top this week", CATEGORIES, list_length(behaviour), after_ms);
        if (!bot && random_percent(random, 45))
            send_promotion(behaviour, visit, shopper, EVENT_PROMO_VIEW, after_ms + 1);
        break;
    case PAGE_LIST:
        show_list(behaviour, visit, shopper, categories[page.which].name, page.which, list_length(behaviour), after_ms);
        break;
    case PAGE_SEARCH: {
        struct shop_event event = event_of(behaviour, EVENT_SITE_SEARCH, shopper, visit, after_ms);
        event.term = (uint8_t)page.which;
        event.results = (uint16_t)random_below(random, 60);
        send(behaviour, shopper, &event);
        if (event.results != 0)
            show_list(behaviour, visit, shopper, "Search results", CATEGORIES, list_length(behaviour), after_ms + 1);
        break;
    }
    case PAGE_PRODUCT:
        send_product(behaviour, visit, shopper, EVENT_PRODUCT_VIEW, page.which, 0, after_ms);
        if (!bot && random_percent(random, 7))
            show_list(behaviour, visit, shopper, "You might also be interested in", CATEGORIES, 4, after_ms + 2);
        break;
    case PAGE_CART:
        if (shopper->cart_count != 0)
            send_step(behaviour, visit, shopper, 1, after_ms);
        break;
    default:
        break;
    }
    return bot ? think(behaviour, 300, 4000) : visit->pings_left != 0 ? 10000 * behaviour->pace_permille / 1000 : think(behaviour, 1500, 45000);
}

static struct page page_of(enum page_kind kind, uint16_t which) { return (struct page){(uint8_t)kind, 0, which, 0}; }

static uint16_t any_category(struct behaviour *behaviour)
{
    uint32_t last = random_below(dice(behaviour), CATEGORIES);
    return (uint16_t)random_below(dice(behaviour), last + 1); /* the first ones are the popular ones */
}

static struct page search_page(struct behaviour *behaviour)
{
    return page_of(PAGE_SEARCH, (uint16_t)random_below(dice(behaviour), SEARCH_TERMS));
}

static struct page product_page(struct behaviour *behaviour, struct visit *visit, struct shopper *shopper, int64_t time_ms)
{
    uint16_t product = catalogue_popular(behaviour->world->catalogue, dice(behaviour));
    if (visit->list_count != 0 && random_percent(dice(behaviour), 80)) {
        product = listed(behaviour, visit, (uint8_t)random_below(dice(behaviour), visit->list_count));
        if (random_percent(dice(behaviour), 45) && visit->page.kind != PAGE_CART)
            send_product(behaviour, visit, shopper, EVENT_LIST_CLICK, product, 0, time_ms - 40);
    }
    return page_of(PAGE_PRODUCT, product);
}

static void cart_add(struct shopper *shopper, uint16_t product, uint16_t quantity)
{
    for (uint8_t i = 0; i < shopper->cart_count; i++) {
        if (shopper->cart[i].product == product) {
            shopper->cart[i].quantity = (uint16_t)(shopper->cart[i].quantity + quantity);
            return;
        }
    }
    shopper->cart[shopper->cart_count++] = (struct line_item){product, quantity};
}

/* The order reaches the shop's server, which reports it by a tracker of its own. */
static void buy(struct behaviour *behaviour, struct visit *visit, struct shopper *shopper, bool refused, int64_t time_ms)
{
    struct shop_event event =
        event_of(behaviour, refused ? EVENT_TRANSACTION_ERROR : EVENT_TRANSACTION, shopper, visit, time_ms);
    event.order = (uint32_t)random_mix(behaviour->seed, behaviour->next_order++);
    for (uint8_t i = 0; i < shopper->cart_count; i++) {
        event.items[event.item_count++] = shopper->cart[i];
        event.revenue_cents +=
            (uint64_t)product_price(&behaviour->world->catalogue->products[shopper->cart[i].product], time_ms) *
            shopper->cart[i].quantity;
    }
    if (refused) {
        send(behaviour, shopper, &event);
        return;
    }
    event.visit = NULL;
    behaviour->receive(behaviour->receiver, &event);
    visit->page.order = event.order; /* for the address of the page that follows */
    shopper->cart_count = 0;
}

/* What happens on the product page besides leaving it. True: it did, and the shopper stays. */
static bool at_product(struct behaviour *behaviour, struct visit *visit, struct shopper *shopper, int64_t time_ms)
{
    struct random *random = dice(behaviour);
    if (visit->stage == STAGE_ARRIVED && shopper->cart_count < CART_MAX && random_percent(random, 22)) {
        uint16_t quantity = (uint16_t)(random_percent(random, 88) ? 1 : 2 + random_below(random, 3));
        cart_add(shopper, visit->page.which, quantity);
        send_product(behaviour, visit, shopper, EVENT_ADD_TO_CART, visit->page.which, random_percent(random, 85) ? quantity : 0,
                     time_ms);
        visit->stage = STAGE_ADDED;
        return true;
    }
    if (visit->stage == STAGE_ARRIVED && random_percent(random, 5) && devices[visit->profile.device].kind == DEVICE_BROWSER) {
        send_plain(behaviour, visit, shopper, EVENT_LINK_CLICK, time_ms);
        visit->stage = STAGE_ADDED;
        return true;
    }
    return false;
}

static bool at_cart(struct behaviour *behaviour, struct visit *visit, struct shopper *shopper, int64_t time_ms)
{
    if (shopper->cart_count == 0 || !random_percent(dice(behaviour), 14))
        return false;
    struct line_item gone = shopper->cart[--shopper->cart_count];
    send_product(behaviour, visit, shopper, EVENT_REMOVE_FROM_CART, gone.product, gone.quantity, time_ms);
    if (shopper->cart_count != 0)
        send_step(behaviour, visit, shopper, 1, time_ms + 3);
    return true;
}

/* The next page, or PAGE_NONE to leave. */
static struct page choose(struct behaviour *behaviour, struct visit *visit, struct shopper *shopper, int64_t time_ms)
{
    struct random *random = dice(behaviour);
    uint32_t roll = random_below(random, 100);
    struct page leave = page_of(PAGE_NONE, 0), home = page_of(PAGE_HOME, 0), cart = page_of(PAGE_CART, 0);
    if (roll >= 97 && visit->profile.has_account && !shopper->logged_in && visit->page.kind <= PAGE_SEARCH)
        return page_of(PAGE_SIGN_IN, 0);
    switch ((enum page_kind)visit->page.kind) {
    case PAGE_HOME:
        if (roll < 5) {
            send_promotion(behaviour, visit, shopper, EVENT_PROMO_CLICK, time_ms - 30);
            return page_of(PAGE_LIST, any_category(behaviour));
        }
        return roll < 55   ? product_page(behaviour, visit, shopper, time_ms)
               : roll < 74 ? page_of(PAGE_LIST, any_category(behaviour))
               : roll < 83 ? search_page(behaviour)
               : roll < 86 ? page_of(PAGE_HELP, 0)
                           : leave;
    case PAGE_LIST:
    case PAGE_SEARCH:
        return roll < 72   ? product_page(behaviour, visit, shopper, time_ms)
               : roll < 79 ? page_of(PAGE_LIST, any_category(behaviour))
               : roll < 85 ? search_page(behaviour)
                           : leave;
    case PAGE_PRODUCT:
        if (shopper->cart_count != 0 && random_percent(random, visit->stage == STAGE_ADDED ? 35 : 10))
            return cart;
        return roll < 52   ? product_page(behaviour, visit, shopper, time_ms)
               : roll < 66 ? page_of(PAGE_LIST, any_category(behaviour))
               : roll < 71 ? search_page(behaviour)
               : roll < 77 ? home
                           : leave;
    case PAGE_CART:
        if (shopper->cart_count == 0 || roll < 22)
            return product_page(behaviour, visit, shopper, time_ms);
        if (roll < 45)
            return leave; /* abandoned */
        if (visit->profile.has_account && !shopper->logged_in)
            return page_of(PAGE_SIGN_IN, 0);
        send_step(behaviour, visit, shopper, 2, time_ms - 500);
        return page_of(PAGE_PAYMENT, 0);
    case PAGE_SIGN_IN:
        shopper->logged_in = roll < 90;
        return shopper->cart_count != 0 ? cart : home;
    case PAGE_PAYMENT:
        if (roll < 8)
            return leave;
        if (roll < 12) {
            buy(behaviour, visit, shopper, true, time_ms - 200);
            return cart;
        }
        buy(behaviour, visit, shopper, false, time_ms - 300);
        return (struct page){PAGE_THANKS, 0, 0, visit->page.order};
    case PAGE_HELP: return roll < 40 ? home : leave;
    case PAGE_THANKS: return roll < 30 ? product_page(behaviour, visit, shopper, time_ms) : leave;
    case PAGE_NONE:
    case PAGE_OUTSIDE: break;
    }
    return leave;
}

static struct page landing(struct behaviour *behaviour)
{
    struct random *random = dice(behaviour);
    uint32_t roll = random_below(random, 100);
    struct page page = roll < 50   ? page_of(PAGE_HOME, 0)
                       : roll < 80 ? page_of(PAGE_PRODUCT, catalogue_popular(behaviour->world->catalogue, random))
                       : roll < 95 ? page_of(PAGE_LIST, any_category(behaviour))
                                   : search_page(behaviour);
    if (random_percent(random, 25))
        page.campaign = (uint8_t)(1 + random_below(random, CAMPAIGNS));
    return page;
}

static int64_t bot_step(struct behaviour *behaviour, struct visit *visit, struct shopper *shopper, int64_t time_ms)
{
    struct random *random = dice(behaviour);
    struct page page = random_percent(random, 75) ? page_of(PAGE_PRODUCT, (uint16_t)random_below(random, PRODUCTS))
                                                  : page_of(PAGE_LIST, (uint16_t)random_below(random, CATEGORIES));
    return open_page(behaviour, visit, shopper, page, time_ms);
}

void visit_begin(struct behaviour *behaviour, struct visit *visit, struct shopper *shopper, uint32_t number, bool bot)
{
    struct random *random = dice(behaviour);
    memset(visit, 0, sizeof *visit);
    visit->shopper = number;
    visit->profile = profile_of(behaviour->seed, number, bot);
    if (random_percent(random, 2))
        visit->profile.place = place_pick((uint32_t)random_next(random)); /* travelling */
    visit->tab = random_uuid(random);
    if (random_percent(random, 45))
        visit->page = page_of(PAGE_OUTSIDE, (uint16_t)random_below(random, OUTSIDES)); /* becomes the referrer */
    visit->moves_left = (uint16_t)(bot ? 20 + random_below(random, 30) : 4 + random_below(random, 30));
    if (shopper->session_index == 0)
        shopper->logged_in = visit->profile.has_account && random_percent(random, 30);
    else if (random_percent(random, 10))
        shopper->logged_in = false;
    shopper->visiting = true;
}

int64_t visit_step(struct behaviour *behaviour, struct visit *visit, struct shopper *shopper, int64_t time_ms)
{
    struct random *random = dice(behaviour);
    bool bot = devices[visit->profile.device].kind == DEVICE_BOT;
    if (visit->page.kind == PAGE_NONE || visit->page.kind == PAGE_OUTSIDE)
        return open_page(behaviour, visit, shopper, landing(behaviour), time_ms);
    if (visit->pings_left != 0) {
        visit->scroll = (uint16_t)(random_below(random, visit->document_height));
        send_plain(behaviour, visit, shopper, EVENT_PAGE_PING, time_ms);
        visit->pings_left--;
        return 10000 * behaviour->pace_permille / 1000;
    }
    if (visit->moves_left-- == 0) {
        shopper->visiting = false;
        return VISIT_OVER;
    }
    if (bot)
        return bot_step(behaviour, visit, shopper, time_ms);
    uint32_t interruption = random_below(random, 1000);
    if (interruption < 9) /* the tab stays open: mostly the session goes on, sometimes it is a new one */
        return (interruption < 6 ? random_between(random, 5 * MINUTE_MS, 25 * MINUTE_MS)
                                 : random_between(random, 31 * MINUTE_MS, 50 * MINUTE_MS)) *
               behaviour->pace_permille / 1000;
    if (visit->page.kind == PAGE_PRODUCT && at_product(behaviour, visit, shopper, time_ms))
        return think(behaviour, 1000, 20000);
    if (visit->page.kind == PAGE_CART && at_cart(behaviour, visit, shopper, time_ms))
        return think(behaviour, 1000, 15000);
    struct page next = choose(behaviour, visit, shopper, time_ms);
    if (next.kind == PAGE_NONE) {
        shopper->visiting = false;
        return VISIT_OVER;
    }
    return open_page(behaviour, visit, shopper, next, time_ms);
}

void refund_send(struct behaviour *behaviour, struct shopper *shopper, uint32_t number, uint32_t order, uint64_t cents,
                 int64_t time_ms)
{
    static const char *const reasons[] = {"too small", "Ware beschädigt", "duplicate \"order\"", "changed mind"};
    struct visit office = {.profile = profile_of(behaviour->seed, number, false)};
    struct shop_event event = event_of(behaviour, EVENT_REFUND, shopper, &office, time_ms);
    event.visit = NULL;
    event.order = order;
    event.revenue_cents = cents;
    event.reason = reasons[order % 4];
    behaviour->receive(behaviour->receiver, &event);
}
