/* catalogue.c - see catalogue.h. */
#include "demo/catalogue.h"

#include "base/memory.h"

#include <stdlib.h>

const struct category categories[CATEGORIES] = {
    {"Running shoes", "running-shoes"},
    {"Kids' \"first\" shoes", "kids-first-shoes"},
    {"Küche & Haushalt", "kueche"},
    {"Jeux vidéo", "jeux-video"},
    {"books", "books"},
    {"home&garden", "home-garden"},
    {"スニーカー", "sneakers-jp"},
    {"Café / Thé", "cafe-the"},
    {"Outdoor", "outdoor"},
    {"Audio\\Hi-Fi", "hifi"},
    {"Beauté", "beaute"},
    {"toys", "toys"},
    {"Möbel", "moebel"},
    {"Bags", "bags"},
    {"Computers", "computers"},
    {"Odzież zimowa ❄", "odziez-zimowa"},
};

const char *const search_terms[SEARCH_TERMS] = {
    "run", "socks", "winter jacket", "café", "kettle", "Größe 44", "lamp", "rucksack", "4k monitor 27\"", "寿司 set",
    "thé vert", "headphones", "bookshelf", "zapatillas niño", "usb-c", "garden chair", "puzzle 1000", "krem", "gift", "a&b",
};

const struct promotion promotions[PROMOTIONS] = {
    {"promo_123", "promo_offers_weekly", "banner", "home_hero", 4},
    {"promo_summer", "Été: -10 %", "banner", "home_side", 9},
    {"promo_bundle", "Buy two, \"get three\"", "carousel", "home_carousel", 18},
    {"promo_members", NULL, "tile", "footer", 27},
    {"promo_ship", "Free shipping", "bar", NULL, 36},
};

const struct campaign campaigns[CAMPAIGNS] = {
    {"utm_source=google&utm_medium=cpc&utm_campaign=google-ads-winter-sale-24&utm_term=winter%20sale&utm_content=ad_variant_1"
     "&gclid=Cj0KCQiA-demo",
     "cpc", "google", "winter sale", "ad_variant_1", "google-ads-winter-sale-24", "Cj0KCQiA-demo", "Google"},
    {"utm_source=newsletter&utm_medium=email&utm_campaign=weekly-21", "email", "newsletter", NULL, NULL, "weekly-21", NULL, NULL},
    {"utm_source=insta&utm_medium=social&utm_campaign=%C3%A9t%C3%A9-2025", "social", "insta", NULL, NULL, "été-2025", NULL, NULL},
    {"utm_source=partner&utm_medium=affiliate", "affiliate", "partner", NULL, NULL, NULL, NULL, NULL},
    {"utm_source=bing&utm_medium=cpc&utm_campaign=brand&msclkid=5f3demo", "cpc", "bing", NULL, NULL, "brand", "5f3demo",
     "Microsoft"},
    {"utm_campaign=qr-code-poster", NULL, NULL, NULL, NULL, "qr-code-poster", NULL, NULL},
};

/* Six things of each category; a product is a thing in a style. */
static const char *const things[CATEGORIES][6] = {
    {"Flex Runner", "Trail Glide", "Tempo 3", "Marathon Aero", "Spike", "Recovery Slide"},
    {"First Steps", "Tiny Hopper", "Puddle Boot", "Velcro Pal", "Sandal", "Slipper"},
    {"Wasserkocher", "Pfanne", "Messerblock", "Kaffeemühle", "Brotkasten", "Schüssel"},
    {"Quête du Nord", "Course Étoilée", "Manette", "Casque VR", "Château Fort", "Jeu de société"},
    {"Chronicles of the Forest", "Sea Atlas", "Cookbook", "Field Guide", "Poems", "C in Depth"},
    {"Patio Set", "Watering Can", "Lantern", "Hedge Shears", "Planter", "Bird House"},
    {"スニーカー 白", "スニーカー 黒", "ランニング", "ハイカット", "スリッポン", "サンダル"},
    {"Thé vert", "Espresso", "Tasse", "Théière", "Filtre", "Chocolat chaud"},
    {"Tent", "Sleeping Bag", "Headlamp", "Rope 60m", "Stove", "Rucksack 45L"},
    {"Bookshelf Speaker", "Turntable", "Amplifier", "Earbuds", "Soundbar", "Cable 3\" plug"},
    {"Crème de jour", "Sérum", "Savon", "Parfum", "Baume", "Shampooing"},
    {"Puzzle 1000", "Wooden Train", "Kite", "Robot Kit", "Doll House", "Yo-yo"},
    {"Sofa", "Bücherregal", "Esstisch", "Hocker", "Kommode", "Bett 140×200"},
    {"Tote", "Messenger", "Weekender", "Wallet", "Belt Bag", "Backpack"},
    {"27\" Monitor", "Keyboard", "Laptop 14", "USB-C Hub", "Mouse", "SSD 1 TB"},
    {"Kurtka", "Czapka", "Szalik", "Rękawice", "Sweter", "Śniegowce"},
};
static const char *const styles[] = {"Nordic", "Crème", "Ultra", "Eco", "Señor", "Grün", "Classic", "Night\\Day", "N°5", "Łagodny"};
static const char *const brands[] = {"Fjellby", "Ostara", "Kitsune Works", "Münsterberg", "Alder & Ash", NULL, "Ñandú",
                                     "O'Hara Mills", "Blå \"42\""};
static const char *const variants[] = {"Black-White", "rouge", NULL, "Blau/Grün", "natural", NULL};
static const char *const sizes[] = {"28", "44", NULL, "M", "XL", NULL, "180 × 60"};
static const char *const stocks[] = {"in_stock", NULL, "low_stock", "in_stock", "preorder"};

#define COUNT(list) (sizeof(list) / sizeof *(list))

static void optional(struct buffer *out, const char *name, const char *value)
{
    if (value == NULL)
        return;
    buffer_printf(out, ",\"%s\":", name);
    text_json(out, value);
}

static char *taken(struct buffer *text, size_t *size)
{
    *size = text->size;
    buffer_byte(text, '\0');
    return text->data;
}

static void product_make(struct product *product, uint32_t i)
{
    uint64_t chance = random_mix(0x5409, i);
    product->category = (uint16_t)(i % CATEGORIES);
    product->sometimes_reduced = i % 9 == 4;
    product->id = i % 7 == 3 ? memory_format("SKU-%05u-%s", i, i % 2 == 0 ? "noir" : "hvid") : memory_format("%u", 1000 + i);
    uint32_t in_category = i / CATEGORIES;
    if (i % 61 != 17)
        product->name = memory_format("%s %s", styles[(in_category + i) % COUNT(styles)],
                                      things[product->category][in_category % 6]);

    /* between 0.49 and some 500, many below 60; every fourth is round, some are free */
    uint32_t limit = (uint32_t[]){1500, 4000, 12000, 50000}[chance & 3];
    product->cents = 49 + (uint32_t)(chance >> 8 & 0xffffff) % limit;
    if (i % 4 == 2)
        product->cents = (product->cents / 100 + 1) * 100;
    if (i % 67 == 13)
        product->cents = 0;

    struct buffer head = {0};
    buffer_literal(&head, "{\"id\":");
    text_json(&head, product->id);
    optional(&head, "name", product->name);
    optional(&head, "category", categories[product->category].name);
    product->json_head = taken(&head, &product->head_size);

    struct buffer tail = {0};
    buffer_literal(&tail, ",\"currency\":\"" CURRENCY "\"");
    optional(&tail, "brand", brands[(chance >> 32) % COUNT(brands)]);
    optional(&tail, "size", sizes[(chance >> 36) % COUNT(sizes)]);
    optional(&tail, "variant", variants[(chance >> 40) % COUNT(variants)]);
    optional(&tail, "inventory_status", stocks[(chance >> 44) % COUNT(stocks)]);
    buffer_printf(&tail, ",\"creative_id\":\"/img/%u.webp\"", 1000 + i);
    product->json_tail = taken(&tail, &product->tail_size);
}

/* Product of rank r is as popular as 1 / (r + 3); ranks are spread over the categories by a fixed permutation. */
static void popularity_make(struct catalogue *catalogue)
{
    uint64_t total = 0, sum = 0;
    for (uint32_t rank = 0; rank < PRODUCTS; rank++)
        total += 1000000 / (rank + 3);
    size_t at = 0;
    for (uint32_t rank = 0; rank < PRODUCTS; rank++) {
        sum += 1000000 / (rank + 3);
        size_t until = (size_t)(sum * COUNT(catalogue->popular) / total);
        for (; at < until; at++)
            catalogue->popular[at] = (uint16_t)((rank * 149 + 4) % PRODUCTS);
    }
}

struct catalogue *catalogue_new(void)
{
    struct catalogue *catalogue = memory_new(sizeof *catalogue);
    for (uint32_t i = 0; i < PRODUCTS; i++)
        product_make(&catalogue->products[i], i);
    popularity_make(catalogue);
    for (size_t i = 0; i < SEARCH_TERMS; i++) {
        struct buffer encoded = {0};
        size_t size;
        text_percent_encoded(&encoded, search_terms[i]);
        catalogue->terms_encoded[i] = taken(&encoded, &size);
    }
    return catalogue;
}

void catalogue_free(struct catalogue *catalogue)
{
    if (catalogue == NULL)
        return;
    for (size_t i = 0; i < PRODUCTS; i++) {
        free(catalogue->products[i].id);
        free(catalogue->products[i].name);
        free(catalogue->products[i].json_head);
        free(catalogue->products[i].json_tail);
    }
    for (size_t i = 0; i < SEARCH_TERMS; i++)
        free(catalogue->terms_encoded[i]);
    free(catalogue);
}

uint16_t catalogue_popular(const struct catalogue *catalogue, struct random *random)
{
    return catalogue->popular[random_below(random, COUNT(catalogue->popular))];
}

uint16_t catalogue_of_category(struct random *random, uint16_t category)
{
    uint32_t rank = random_below(random, PRODUCTS / CATEGORIES);
    rank = random_below(random, rank + 1);
    return (uint16_t)(rank * CATEGORIES + category);
}

uint32_t product_price(const struct product *product, int64_t time_ms)
{
    /* By turns, so that some are reduced at any time. */
    bool reduced = product->sometimes_reduced && (time_ms / (10 * MINUTE_MS) + product->cents) % 3 == 1;
    return reduced ? product->cents / 10 * 9 : product->cents;
}

void product_data(struct buffer *out, const struct product *product, int64_t time_ms, uint32_t quantity, uint32_t position)
{
    uint32_t price = product_price(product, time_ms);
    buffer_put(out, product->json_head, product->head_size);
    buffer_literal(out, ",\"price\":");
    text_cents(out, price);
    if (price != product->cents) {
        buffer_literal(out, ",\"list_price\":");
        text_cents(out, product->cents);
    }
    buffer_put(out, product->json_tail, product->tail_size);
    if (quantity != 0) {
        buffer_literal(out, ",\"quantity\":");
        text_unsigned(out, quantity);
    }
    if (position != 0) {
        buffer_literal(out, ",\"position\":");
        text_unsigned(out, position);
    }
    buffer_byte(out, '}');
}
