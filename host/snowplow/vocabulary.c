/* vocabulary.c - see vocabulary.h. */
#include "snowplow/vocabulary.h"

#include <stddef.h>
#include <string.h>

#define SNOWPLOW "com.snowplowanalytics.snowplow"
#define ECOMMERCE "com.snowplowanalytics.snowplow.ecommerce"

#define ACTIONS                                                                                                               \
    "product_view", "list_view", "list_click", "add_to_cart", "remove_from_cart", "checkout_step", "transaction", "refund", \
        "promo_view", "promo_click", "trns_error"

const char *const vocabulary_actions[] = {ACTIONS, NULL};

const char *const vocabulary_events[] = {ACTIONS,
                                         "page_view",
                                         "page_ping",
                                         "struct",
                                         "legacy_transaction",
                                         "legacy_transaction_item",
                                         "legacy_add_to_cart",
                                         "legacy_remove_from_cart",
                                         "site_search",
                                         "link_click",
                                         "screen_view",
                                         "focus_form",
                                         "change_form",
                                         "submit_form",
                                         "social_interaction",
                                         NULL};

#define FIELDS(...) (const char *const[]){__VA_ARGS__, NULL}

const struct vocabulary_schema vocabulary_schemas[] = {
    {"product", ECOMMERCE, "1-0-0", false, false,
     FIELDS("id", "name", "category", "price", "list_price", "quantity", "size", "variant", "brand", "inventory_status", "position",
            "currency", "creative_id")},
    {"cart", ECOMMERCE, "1-0-0", false, false, FIELDS("cart_id", "total_value", "currency")},
    {"checkout_step", ECOMMERCE, "1-0-0", false, false,
     FIELDS("step", "shipping_postcode", "billing_postcode", "shipping_full_address", "billing_full_address", "delivery_provider",
            "delivery_method", "coupon_code", "account_type", "payment_method", "proof_of_payment", "marketing_opt_in")},
    {"transaction", ECOMMERCE, "1-0-0", false, false,
     FIELDS("transaction_id", "revenue", "currency", "payment_method", "total_quantity", "tax", "shipping", "discount_code",
            "discount_amount", "credit_order")},
    {"refund", ECOMMERCE, "1-0-0", false, false, FIELDS("transaction_id", "currency", "refund_amount", "refund_reason")},
    {"promotion", ECOMMERCE, "1-0-0", false, false,
     FIELDS("id", "name", "product_ids", "position", "creative_id", "type", "slot")},
    {"transaction_error", ECOMMERCE, "1-0-0", false, false,
     FIELDS("error_code", "error_shortcode", "error_description", "error_type", "resolution")},
    {"page", ECOMMERCE, "1-0-0", false, false, FIELDS("type", "language", "locale")},
    {"user", ECOMMERCE, "1-0-0", false, false, FIELDS("id", "is_guest", "email")},
    {"client_session", SNOWPLOW, "1-0-2", false, false,
     FIELDS("userId", "sessionId", "sessionIndex", "eventIndex", "previousSessionId", "storageMechanism", "firstEventId",
            "firstEventTimestamp")},
    {"ua_parser_context", SNOWPLOW, "1-0-0", false, true,
     FIELDS("useragentFamily", "useragentMajor", "useragentMinor", "useragentPatch", "useragentVersion", "osFamily", "osMajor",
            "osMinor", "osPatch", "osPatchMinor", "osVersion", "deviceFamily")},
    {"yauaa_context", "nl.basjes", "1-0-5", false, true, NULL},
    {"site_search", SNOWPLOW, "1-0-0", true, false, FIELDS("terms", "filters", "totalResults", "pageResults")},
    {"link_click", SNOWPLOW, "1-0-0", true, false,
     FIELDS("elementId", "elementClasses", "elementTarget", "targetUrl", "elementContent")},
    {"legacy_add_to_cart", SNOWPLOW, "1-0-0", true, false, NULL},
    {"legacy_remove_from_cart", SNOWPLOW, "1-0-0", true, false, NULL},
    {0},
};

bool vocabulary_has(const char *const *words, const char *word)
{
    for (; *words != NULL; words++)
        if (strcmp(*words, word) == 0)
            return true;
    return false;
}
