/* misspelt.c - wants an event that nobody sends, and reads a field that no product has. */
#define NAME "misspelt"
#define EVENTS "product_veiw", "list_view", "com.acme/product_veiw"
#define INPUTS {"price", "product[0].prize"}, {"own", "com.acme/product/1[0].prize"}
#include "../plain_lane.h"
SL_LANE_PLUGIN(lane)
