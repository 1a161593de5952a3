/* catalogue.h - what the simulated shop sells, made by the project: 400 products in 16 categories, search terms, lists,
 * promotions, campaigns.
 *
 * Names carry what real catalogues carry: accents, other scripts, quotes, backslashes, ampersands; some products have no brand
 * or no name, some cost nothing, some are reduced for ten minutes in every thirty, by turns. JSON is prepared once, because an
 * event writes up to a dozen products. Constant after catalogue_new(). */
#ifndef DEMO_CATALOGUE_H
#define DEMO_CATALOGUE_H

#include "demo/text.h"

#define CATEGORIES 16
#define PRODUCTS 400
#define SEARCH_TERMS 20
#define PROMOTIONS 5
#define CAMPAIGNS 6
#define CURRENCY "EUR"

struct product {
    char *id;
    char *name;      /* NULL: not sent */
    char *json_head; /* {"id":...,"name":...,"category":... */
    char *json_tail; /* ,"currency":"EUR",... without the closing brace */
    size_t head_size, tail_size;
    uint32_t cents; /* the regular price */
    uint16_t category;
    bool sometimes_reduced;
};

struct category {
    const char *name;
    const char *slug;
};

struct promotion {
    const char *id, *name, *type, *slot;
    uint16_t product;
};

struct campaign {
    const char *query;    /* of the landing URL */
    const char *medium, *source, *term, *content, *name; /* NULL: not given */
    const char *click_id, *network;
};

struct catalogue {
    struct product products[PRODUCTS];
    uint16_t popular[8192]; /* products, each as often as it is popular (Zipf) */
    char *terms_encoded[SEARCH_TERMS];
};

extern const struct category categories[CATEGORIES];
extern const char *const search_terms[SEARCH_TERMS];
extern const struct promotion promotions[PROMOTIONS];
extern const struct campaign campaigns[CAMPAIGNS];

struct catalogue *catalogue_new(void);
void catalogue_free(struct catalogue *catalogue);

uint16_t catalogue_popular(const struct catalogue *catalogue, struct random *random);
uint16_t catalogue_of_category(struct random *random, uint16_t category); /* its first products are its popular ones */

/* What a product costs at that time, in cents. */
uint32_t product_price(const struct product *product, int64_t time_ms);

/* The data of a product entity; quantity and position 0 are left out. */
void product_data(struct buffer *out, const struct product *product, int64_t time_ms, uint32_t quantity, uint32_t position);

#endif
