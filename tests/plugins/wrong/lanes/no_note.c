/* no_note.c - exports its table, but does not say of which SDK it is. */
#define NAME "no_note"
#include "../plain_lane.h"
SL_EXPORT_ extern const sl_plugin shoplane_plugin_v1;
const sl_plugin shoplane_plugin_v1 = {sizeof(sl_plugin), SL_SDK_MAJOR, SL_SDK_MINOR, &lane, NULL};
