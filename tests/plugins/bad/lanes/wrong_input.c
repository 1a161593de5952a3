/* wrong_input.c - extract asks for an input that it does not have. */
#define IN_EXTRACT record->price += sl_event_money(event, PRICE + 1, 0);
#define NAME "wrong_input"
#include "../views.h"
