/* devices.h - what shoppers hold in their hands and where they are: user agents with the derived entities that Enrich's
 * enrichments would add (YAUAA, ua-parser, IAB, bot detection), and places with the geo columns. Addresses are from the
 * ranges kept for documentation. JSON is prepared once; constant afterwards. */
#ifndef DEMO_DEVICES_H
#define DEMO_DEVICES_H

#include "demo/text.h"

enum device_kind { DEVICE_BROWSER, DEVICE_APP, DEVICE_BOT, DEVICE_SERVER };

struct device {
    enum device_kind kind;
    uint8_t weight; /* how often, among its kind */
    const char *useragent;
    const char *class, *name, *brand, *cpu;              /* of YAUAA */
    const char *os_class, *os, *os_version;
    const char *engine, *engine_version;
    const char *agent_class, *agent, *agent_version;
    const char *ua_family;   /* of ua-parser */
    const char *device_family;
    uint16_t screen_width, screen_height, view_width, view_height;
    const char *pixel_ratio; /* JSON number */
    uint8_t color_depth, cores, memory_gb;
};

struct place {
    uint8_t weight;
    const char *country, *region, *city, *zip, *latitude, *longitude, *region_name, *timezone, *language; /* "" : unknown */
};

extern const struct device devices[];
extern const uint32_t device_count;
extern const struct place places[];
extern const uint32_t place_count;

/* The derived_contexts columns, per device: everything, and without YAUAA. */
struct derived {
    char *all, *plain;
    size_t all_size, plain_size;
};
struct derived *derived_new(void); /* device_count of them */
void derived_free(struct derived *derived);

uint16_t device_pick(uint32_t chance, enum device_kind kind); /* index into devices */
uint16_t place_pick(uint32_t chance);

#endif
