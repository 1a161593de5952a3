/* read_limits.c - the group `limits`: how much one host may use. */
#include "config/byte_count.h"
#include "config/groups.h"
#include "config/machine_memory.h"

#define LEAST_MEMORY 16000000                   /* below this, not even an empty host with its buffers */
#define MOST_MEMORY  INT64_C(1000000000000000) /* beyond this it is a slip */

static const char example[] = "as 4000000000L, \"512MB\" or \"8GB\"";

/* What is left is for the system, Kafka's and Redis's buffers, and this program itself. */
static int64_t three_quarters(void)
{
    int64_t bytes = group_memory(MACHINE_GROUPS, MACHINE_MOUNT, machine_memory()) / 4 * 3;
    return bytes > 0 && bytes < LEAST_MEMORY ? LEAST_MEMORY : bytes;
}

static void read_memory(struct reading *reading, const config_setting_t *group, int64_t *bytes)
{
    const config_setting_t *setting = setting_find(group, "memory");
    if (setting == NULL)
        return;
    int type = config_setting_type(setting);
    int64_t number = 0;
    enum byte_count_result result = BYTES_NOT;
    if (type == CONFIG_TYPE_STRING) {
        result = byte_count_parse(config_setting_get_string(setting), &number);
    } else if (type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64) {
        if (!integer_is_whole(reading, setting))
            return;
        result = BYTES_GOOD;
        number = config_setting_get_int64(setting);
    }
    if (result == BYTES_NO_UNIT)
        error_advice(mistake_at(reading, setting, "has no unit"),
                     "\"%sMB\" or \"%sGB\"; a number of bytes stands without quotes", config_setting_get_string(setting),
                     config_setting_get_string(setting));
    else if (result == BYTES_NOT)
        error_advice(mistake_at(reading, setting, "is no amount of memory"),
                     "a whole number of bytes, or a text with one unit (KB, MB, GB, TB, KiB, MiB, GiB, TiB), %s", example);
    else if (result == BYTES_PART)
        error_advice(mistake_at(reading, setting, "is finer than it can be"), "a whole number of bytes, %s", example);
    else if (result == BYTES_TOO_MANY || (number != 0 && (number < LEAST_MEMORY || number > MOST_MEMORY)))
        error_advice(mistake_at(reading, setting, "is out of range"),
                     "from \"16MB\" to \"1000TB\", or 0 for no limit; without it: three quarters of what there is");
    else
        *bytes = number;
}

void read_limits(struct reading *reading, const config_setting_t *root, struct limit_settings *limits)
{
    static const struct known_setting known[] = {{"memory", NULL}, {"key_records", NULL}, {"text_bytes", NULL}, {"plugin_call", NULL}, {NULL, NULL}};
    *limits = (struct limit_settings){.memory_bytes = three_quarters(), .key_records = 10000, .text_bytes = 4096, .plugin_call_ms = 60000};
    config_setting_t *group = group_find(reading, root, "limits", "limits: { memory = \"8GB\"; key_records = 10000; };");
    if (group == NULL)
        return;
    group_check(reading, group, known, NULL);
    read_memory(reading, group, &limits->memory_bytes);
    (void)integer_read(reading, group, "key_records", KEY_RECORDS_LEAST, KEY_RECORDS_MOST, &limits->key_records);
    (void)integer_read(reading, group, "text_bytes", 64, 1000000, &limits->text_bytes);
    (void)duration_or_zero_read(reading, group, "plugin_call", 1000, 3600000, "0 for no limit", &limits->plugin_call_ms);
}
