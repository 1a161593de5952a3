#!/usr/bin/env bash
# install.sh BUILD_DIR - what `cmake --install` puts under a prefix works from there, away from the source tree, and a plugin
# can be built against the installed headers alone.
set -euo pipefail
build=$(realpath "${1:?install.sh BUILD_DIR}")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cmake --install "$build" --prefix "$folder/prefix" >/dev/null
cd "$folder"
unset SHOPLANE_CONFIG SHOPLANE_PLUGINS
prefix/bin/shoplane check | tail -n 1 | grep -F "shoplane.conf is fine: 5 lanes"
test "$(prefix/bin/shoplane plugins | grep -c '^lane\|^metric parser')" -eq 18

mkdir -p own/lanes own/metrics
cat >views.c <<'EOF'
#include <shoplane/shoplane.h>
static const char *const events[] = {"page_view", NULL};
struct record { sl_stamp at; };
static const sl_field record_fields[] = {{0}};
struct values { int64_t count; };
static const sl_field values_fields[] = {SL_FIELD(struct values, count, SL_I64, "page views"), {0}};
static bool extract(const void *self, const sl_event *event, void *record)
{
    (void)self, (void)event, (void)record;
    return true;
}
static void add(const void *self, sl_scratch *scratch, void *aggregate, const void *record)
{
    (void)self, (void)scratch, (void)record;
    ((struct values *)aggregate)->count++;
}
static void publish(const void *self, sl_scratch *scratch, const sl_window *window, const void *from, void *values)
{
    (void)self, (void)scratch, (void)window;
    *(struct values *)values = *(const struct values *)from;
}
static const sl_lane lane = {
    SL_LANE(SL_KEY_USER, "views", "1.0.0", "page views"), SL_EVENTS(events, NULL), SL_RECORD(struct record, record_fields),
    SL_AGGREGATE(struct values), SL_VALUES(struct values, values_fields), .extract = extract, .add = add, .publish = publish,
};
SL_LANE_PLUGIN(lane)
EOF
cc -std=c11 -Wall -Wextra -Werror -fPIC -shared -fvisibility=hidden -Wl,-z,defs -Iprefix/include -o own/lanes/views.so views.c
prefix/bin/shoplane plugins --folder own views | grep -F "lane views 1.0.0 (SDK 1.3): page views"
echo "installed, checked, and a plugin built against it"
