/* pages.c - the addresses and titles of the simulated shop; see entities.h. */
#include "demo/entities.h"

const char *page_host(struct page page) { return page.kind == PAGE_OUTSIDE ? outsides[page.which].host : SHOP_HOST; }
const char *page_fragment(struct page page) { return page.kind == PAGE_HELP ? "returns" : ""; }

void page_path(struct buffer *out, const struct world *world, struct page page)
{
    switch ((enum page_kind)page.kind) {
    case PAGE_OUTSIDE: text_put(out, outsides[page.which].path); break;
    case PAGE_LIST:
        buffer_literal(out, "/category/");
        text_put(out, categories[page.which].slug);
        break;
    case PAGE_PRODUCT:
        buffer_literal(out, "/product/");
        text_put(out, world->catalogue->products[page.which].id);
        break;
    case PAGE_SEARCH: buffer_literal(out, "/search"); break;
    case PAGE_CART: buffer_literal(out, "/cart"); break;
    case PAGE_SIGN_IN: buffer_literal(out, "/sign-in"); break;
    case PAGE_PAYMENT: buffer_literal(out, "/payment"); break;
    case PAGE_HELP: buffer_literal(out, "/help/shipping"); break;
    case PAGE_NONE:
    case PAGE_HOME:
    case PAGE_THANKS: buffer_byte(out, '/'); break;
    }
}

void page_query(struct buffer *out, const struct world *world, struct page page)
{
    if (page.kind == PAGE_SEARCH) {
        buffer_literal(out, "q=");
        text_put(out, world->catalogue->terms_encoded[page.which]);
        if (page.campaign != 0)
            buffer_byte(out, '&');
    } else if (page.kind == PAGE_THANKS) {
        buffer_literal(out, "success=true&id=T-");
        text_hex(out, page.order, 8);
    }
    if (page.campaign != 0)
        text_put(out, campaigns[page.campaign - 1].query);
}

void page_url(struct buffer *out, const struct world *world, struct page page)
{
    if (page.kind == PAGE_OUTSIDE) {
        text_put(out, outsides[page.which].url);
        return;
    }
    buffer_literal(out, "https://" SHOP_HOST);
    page_path(out, world, page);
    size_t before = out->size;
    buffer_byte(out, '?');
    page_query(out, world, page);
    if (out->size == before + 1)
        out->size = before;
    if (page.kind == PAGE_HELP)
        buffer_literal(out, "#returns");
}

void page_title(struct buffer *out, const struct world *world, struct page page)
{
    const char *name = NULL;
    switch ((enum page_kind)page.kind) {
    case PAGE_PRODUCT: name = world->catalogue->products[page.which].name; break;
    case PAGE_LIST: name = categories[page.which].name; break;
    case PAGE_SEARCH: name = search_terms[page.which]; break;
    case PAGE_CART: name = "Cart"; break;
    case PAGE_SIGN_IN: name = "Sign in"; break;
    case PAGE_HELP: name = "Shipping – Returns"; break;
    default: break;
    }
    if (name != NULL) {
        text_put(out, name);
        buffer_literal(out, " | ");
    }
    buffer_literal(out, "Shoplane demo shop");
}
