/* no_symbol.c - has the note, but exports nothing. */
#include <shoplane/shoplane.h>
SL_DECLARE_NOTE_
