/* devices.c - see devices.h. */
#include "demo/devices.h"

#include "base/memory.h"

#include <stdlib.h>

#define AGENT(system, rest) "Mozilla/5.0 (" system ") " rest
#define BLINK(rest) "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/134.0.0.0 " rest

const struct device devices[] = {
    {DEVICE_BROWSER, 14, AGENT("Macintosh; Intel Mac OS X 10_15_7", BLINK("Safari/537.36")), "Desktop", "Apple Macintosh",
     "Apple", "Intel", "Desktop", "Mac OS", ">=10.15.7", "Blink", "134.0", "Browser", "Chrome", "134", "Chrome", "Mac", 2056,
     1329, 2056, 631, "2", 30, 14, 8},
    {DEVICE_BROWSER, 22, AGENT("Windows NT 10.0; Win64; x64", BLINK("Safari/537.36")), "Desktop", "Desktop", "Unknown",
     "Intel x86_64", "Desktop", "Windows NT", ">=10", "Blink", "134.0", "Browser", "Chrome", "134", "Chrome", "Other", 1920,
     1080, 1920, 947, "1", 24, 8, 8},
    {DEVICE_BROWSER, 5, AGENT("Windows NT 10.0; Win64; x64; rv:136.0", "Gecko/20100101 Firefox/136.0"), "Desktop", "Desktop",
     "Unknown", "Intel x86_64", "Desktop", "Windows NT", ">=10", "Gecko", "136.0", "Browser", "Firefox", "136.0", "Firefox",
     "Other", 1600, 900, 1583, 773, "1.25", 24, 4, 0},
    {DEVICE_BROWSER, 6, AGENT("Windows NT 10.0; Win64; x64", BLINK("Safari/537.36 Edg/134.0.0.0")), "Desktop", "Desktop",
     "Unknown", "Intel x86_64", "Desktop", "Windows NT", ">=10", "Blink", "134.0", "Browser", "Edge", "134", "Edge", "Other",
     2560, 1440, 2543, 1289, "1.5", 24, 16, 8},
    {DEVICE_BROWSER, 3, AGENT("X11; Linux x86_64; rv:128.0", "Gecko/20100101 Firefox/128.0"), "Desktop", "Linux Desktop",
     "Unknown", "Intel x86_64", "Desktop", "Linux", "??", "Gecko", "128.0", "Browser", "Firefox", "128.0", "Firefox", "Other",
     3440, 1440, 2006, 1280, "1", 24, 12, 0},
    {DEVICE_BROWSER, 24,
     AGENT("iPhone; CPU iPhone OS 18_3 like Mac OS X",
           "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.3 Mobile/15E148 Safari/604.1"),
     "Phone", "Apple iPhone", "Apple", "ARM", "Mobile", "iOS", "18.3", "AppleWebKit", "605.1.15", "Browser", "Safari", "18.3",
     "Mobile Safari", "iPhone", 390, 844, 390, 664, "3", 32, 4, 0},
    {DEVICE_BROWSER, 16, AGENT("Linux; Android 10; K", BLINK("Mobile Safari/537.36")), "Phone", "Android Mobile", "Unknown",
     "ARM", "Mobile", "Android", ">=10", "Blink", "134.0", "Browser", "Chrome", "134", "Chrome Mobile",
     "Generic Smartphone", 412, 915, 412, 785, "2.625", 24, 8, 8},
    {DEVICE_BROWSER, 4, AGENT("Linux; Android 14; SM-S918B", BLINK("Mobile Safari/537.36")), "Phone", "Samsung SM-S918B",
     "Samsung", "ARM", "Mobile", "Android", "14", "Blink", "134.0", "Browser", "Chrome", "134", "Chrome Mobile",
     "Samsung SM-S918B", 384, 824, 384, 701, "2.8125", 24, 8, 8},
    {DEVICE_BROWSER, 4,
     AGENT("iPad; CPU OS 17_6 like Mac OS X",
           "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1"),
     "Tablet", "Apple iPad", "Apple", "ARM", "Mobile", "iOS", "17.6", "AppleWebKit", "605.1.15", "Browser", "Safari", "17.6",
     "Mobile Safari", "iPad", 820, 1180, 820, 1106, "2", 24, 4, 0},
    {DEVICE_BROWSER, 2, AGENT("Linux; Android 13; SM-X906C", BLINK("Safari/537.36")), "Tablet", "Samsung SM-X906C", "Samsung",
     "ARM", "Mobile", "Android", "13", "Blink", "134.0", "Browser", "Chrome", "134", "Chrome", "Samsung SM-X906C", 1480, 924,
     1480, 800, "2", 24, 8, 4},
    {DEVICE_APP, 3, "ShoplaneDemo/3.1 (iPhone; iOS 18.3; Scale/3.00)", "Phone", "Apple iPhone", "Apple", "ARM", "Mobile",
     "iOS", "18.3", "Unknown", "??", "Mobile App", "ShoplaneDemo", "3.1", "Other", "iPhone", 390, 844, 390, 844, "3", 0, 0, 0},
    {DEVICE_APP, 2, "ShoplaneDemo/3.1 (Linux; Android 14; Pixel 8)", "Phone", "Google Pixel 8", "Google", "ARM", "Mobile",
     "Android", "14", "Unknown", "??", "Mobile App", "ShoplaneDemo", "3.1", "Other", "Pixel 8", 412, 915, 412, 915, "2.625", 0,
     0, 0},
    {DEVICE_BOT, 3,
     "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Examplebot/2.1; +http://bot.example/bot.html) "
     "Chrome/134.0.0.0 Safari/537.36",
     "Robot", "Examplebot", "Example", "Unknown", "Cloud", "Cloud", "??", "Blink", "134.0", "Robot", "Examplebot", "2.1",
     "Examplebot", "Spider", 1024, 1024, 1024, 1024, "1", 24, 2, 0},
    {DEVICE_BOT, 2, AGENT("X11; Linux x86_64", "AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/134.0.0.0 Safari/537.36"),
     "Robot", "Linux Desktop", "Unknown", "Intel x86_64", "Desktop", "Linux", "??", "Blink", "134.0", "Robot",
     "HeadlessChrome", "134", "HeadlessChrome", "Other", 800, 600, 800, 600, "1", 24, 4, 8},
    {DEVICE_SERVER, 1, "node-fetch/1.0 (+https://www.shoplane.example)", "Unknown", "Unknown", "Unknown", "Unknown", "Unknown",
     "Unknown", "??", "Unknown", "??", "Unknown", "Node-fetch", "1.0", "Other", "Other", 0, 0, 0, 0, "1", 0, 0, 0},
};
const uint32_t device_count = sizeof devices / sizeof *devices;

const struct place places[] = {
    {10, "NL", "NH", "Amsterdam", "1012", "52.3759", "4.8975", "North Holland", "Europe/Amsterdam", "nl-NL"},
    {12, "DE", "BE", "Berlin", "10115", "52.5244", "13.4105", "State of Berlin", "Europe/Berlin", "de-DE"},
    {8, "DE", "NW", "Köln", "50667", "50.9333", "6.95", "North Rhine-Westphalia", "Europe/Berlin", "de"},
    {10, "GB", "ENG", "London", "EC1A", "51.5085", "-0.1257", "England", "Europe/London", "en-GB"},
    {9, "FR", "IDF", "Paris", "75001", "48.8534", "2.3488", "Île-de-France", "Europe/Paris", "fr-FR"},
    {5, "CH", "ZH", "Zürich", "8001", "47.3667", "8.55", "Zurich", "Europe/Zurich", "de-CH"},
    {5, "PL", "12", "Kraków", "30-001", "50.0614", "19.9366", "Lesser Poland", "Europe/Warsaw", "pl-PL"},
    {4, "SE", "M", "Malmö", "211 20", "55.6059", "13.0007", "Skåne County", "Europe/Stockholm", "sv-SE"},
    {6, "ES", "MD", "Madrid", "28001", "40.4165", "-3.7026", "Madrid", "Europe/Madrid", "es-ES"},
    {6, "US", "NY", "New York", "10001", "40.7143", "-74.006", "New York", "America/New_York", "en-US"},
    {4, "US", "CA", "San Francisco", "94109", "37.7749", "-122.4194", "California", "America/Los_Angeles", "en-US"},
    {3, "BR", "SP", "São Paulo", "01000", "-23.5475", "-46.6361", "São Paulo", "America/Sao_Paulo", "pt-BR"},
    {3, "JP", "13", "Tokyo", "100-0001", "35.6895", "139.6917", "Tokyo", "Asia/Tokyo", "ja"},
    {2, "SG", "", "Singapore", "18", "1.2897", "103.8501", "", "Asia/Singapore", "en-SG"}, /* no regions */
    {3, "", "", "", "", "", "", "", "", "en-US"},                                          /* an address nobody knows */
};
const uint32_t place_count = sizeof places / sizeof *places;

static void member(struct buffer *out, const char *name, const char *value)
{
    buffer_printf(out, ",\"%s\":", name);
    text_json(out, value);
}

static void two(struct buffer *out, const char *name, const char *first, const char *second)
{
    buffer_printf(out, ",\"%s\":\"%s %s\"", name, first, second);
}

static void yauaa(struct buffer *out, const struct device *device)
{
    buffer_literal(out, "{\"schema\":\"iglu:nl.basjes/yauaa_context/jsonschema/1-0-5\",\"data\":{\"deviceBrand\":");
    text_json(out, device->brand);
    member(out, "deviceName", device->name);
    two(out, "layoutEngineNameVersion", device->engine, device->engine_version);
    two(out, "operatingSystemNameVersion", device->os, device->os_version);
    member(out, "agentNameVersion", device->agent);
    member(out, "operatingSystemName", device->os);
    member(out, "deviceClass", device->class);
    member(out, "agentVersion", device->agent_version);
    member(out, "deviceCpu", device->cpu);
    member(out, "operatingSystemClass", device->os_class);
    member(out, "operatingSystemVersion", device->os_version);
    member(out, "agentName", device->agent);
    member(out, "agentClass", device->agent_class);
    member(out, "layoutEngineName", device->engine);
    buffer_literal(out, "}},");
}

static void without_yauaa(struct buffer *out, const struct device *device, bool data_first)
{
    bool bot = device->kind == DEVICE_BOT;
    static const char schema[] = "\"schema\":\"iglu:com.snowplowanalytics.snowplow/ua_parser_context/jsonschema/1-0-0\"";
    buffer_byte(out, '{');
    if (!data_first)
        buffer_printf(out, "%s,", schema);
    buffer_literal(out, "\"data\":{\"useragentFamily\":");
    text_json(out, device->ua_family);
    member(out, "useragentMajor", device->agent_version);
    buffer_literal(out, ",\"useragentMinor\":\"0\",\"useragentPatch\":null");
    two(out, "useragentVersion", device->ua_family, device->agent_version);
    member(out, "osFamily", device->os);
    buffer_literal(out, ",\"osMajor\":null");
    member(out, "osVersion", device->os);
    member(out, "deviceFamily", device->device_family);
    buffer_byte(out, '}');
    if (data_first)
        buffer_printf(out, ",%s", schema);
    /* one writer escapes slashes, as the SDKs' samples do */
    buffer_printf(out,
                  "},{\"schema\":\"iglu:com.iab.snowplow%sspiders_and_robots%sjsonschema%s1-0-0\",\"data\":{\"spiderOrRobot\":%s,"
                  "\"category\":\"%s\",\"reason\":\"%s\",\"primaryImpact\":\"%s\"}}",
                  data_first ? "\\/" : "/", data_first ? "\\/" : "/", data_first ? "\\/" : "/", bot ? "true" : "false",
                  bot ? "SPIDER_OR_ROBOT" : "BROWSER", bot ? "FAILED_UA_INCLUDE" : "PASSED_ALL", bot ? "UNKNOWN" : "NONE");
    buffer_printf(out,
                  ",{\"schema\":\"iglu:com.snowplowanalytics.snowplow/bot_detection/jsonschema/1-0-1\",\"data\":{\"bot\":%s,"
                  "\"indicators\":[%s]}}]}",
                  bot ? "true" : "false", bot ? "\"yauaa\",\"iab\"" : "");
}

struct derived *derived_new(void)
{
    static const char outer[] = "{\"schema\":\"iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-1\",\"data\":[";
    struct derived *derived = memory_new(device_count * sizeof *derived);
    for (uint32_t i = 0; i < device_count; i++) {
        struct buffer all = {0}, plain = {0};
        text_put(&all, outer);
        text_put(&plain, outer);
        yauaa(&all, &devices[i]);
        without_yauaa(&all, &devices[i], i % 3 == 2);
        without_yauaa(&plain, &devices[i], i % 3 == 2);
        derived[i] = (struct derived){all.data, plain.data, all.size, plain.size};
    }
    return derived;
}

void derived_free(struct derived *derived)
{
    for (uint32_t i = 0; derived != NULL && i < device_count; i++) {
        free(derived[i].all);
        free(derived[i].plain);
    }
    free(derived);
}

uint16_t device_pick(uint32_t chance, enum device_kind kind)
{
    uint32_t total = 0;
    for (uint32_t i = 0; i < device_count; i++)
        total += devices[i].kind == kind ? devices[i].weight : 0;
    chance %= total;
    for (uint32_t i = 0;; i++) {
        uint32_t weight = devices[i].kind == kind ? devices[i].weight : 0;
        if (chance < weight)
            return (uint16_t)i;
        chance -= weight;
    }
}

uint16_t place_pick(uint32_t chance)
{
    uint32_t total = 0;
    for (uint32_t i = 0; i < place_count; i++)
        total += places[i].weight;
    chance %= total;
    for (uint32_t i = 0;; i++) {
        if (chance < places[i].weight)
            return (uint16_t)i;
        chance -= places[i].weight;
    }
}
