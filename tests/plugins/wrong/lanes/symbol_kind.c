/* symbol_kind.c - a function of the name that the table has. */
#include <shoplane/shoplane.h>
SL_DECLARE_NOTE_
SL_EXPORT_ extern void shoplane_plugin_v1(void);
void shoplane_plugin_v1(void) {}
