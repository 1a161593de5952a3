/* rewrite.c - see rewrite.h. Times are moved by whole seconds, so 19 characters are replaced by 19 others and whatever
 * precision the writer had remains. */
#include "demo/rewrite.h"

#include "demo/text.h"

enum { COLLECTOR_TSTAMP = 3, EVENT_ID = 6, USER_ID = 12, DOMAIN_USERID = 15, NETWORK_USERID = 17, SESSION_ID = 123, COLUMNS = 131 };

static const struct bytes nothing = {"", 0};

static bool is_json(struct bytes message) { return message.size != 0 && message.data[0] == '{'; }

/* Column `number`, or nothing when there are fewer. */
static struct bytes column(struct bytes message, int number)
{
    const char *at = message.data, *end = message.data + message.size;
    for (; number > 0 && at != NULL; number--) {
        at = memchr(at, '\t', (size_t)(end - at));
        at = at == NULL ? NULL : at + 1;
    }
    if (at == NULL)
        return nothing;
    const char *tab = memchr(at, '\t', (size_t)(end - at));
    return (struct bytes){at, (size_t)((tab == NULL ? end : tab) - at)};
}

/* The text behind the first `"name":"`. */
static struct bytes member(struct bytes message, const char *name)
{
    char pattern[64] = "\"";
    size_t size = strlen(name);
    memcpy(pattern + 1, name, size);
    memcpy(pattern + 1 + size, "\":\"", 3);
    const char *at = message.size == 0 ? NULL : memmem(message.data, message.size, pattern, size + 4);
    if (at == NULL)
        return nothing;
    at += size + 4;
    const char *quote = memchr(at, '"', (size_t)(message.data + message.size - at));
    return quote == NULL ? nothing : (struct bytes){at, (size_t)(quote - at)};
}

static unsigned digits(const char *text, int count)
{
    unsigned number = 0;
    for (; count > 0; count--, text++)
        number = *text >= '0' && *text <= '9' ? number * 10 + (unsigned)(*text - '0') : 100000;
    return number;
}

/* yyyy-MM-dd, then a blank or T, HH:mm:ss: its whole seconds. */
static bool seconds_read(const char *text, size_t size, int64_t *seconds)
{
    if (size < 19 || text[4] != '-' || text[7] != '-' || (text[10] != ' ' && text[10] != 'T') || text[13] != ':' ||
        text[16] != ':')
        return false;
    struct civil civil = {digits(text, 4), digits(text + 5, 2), digits(text + 8, 2), digits(text + 11, 2),
                          digits(text + 14, 2), digits(text + 17, 2), 0};
    if (civil.year > 9999 || civil.month < 1 || civil.month > 12 || civil.day < 1 || civil.day > 31 || civil.hour > 23 ||
        civil.minute > 59 || civil.second > 60)
        return false;
    *seconds = civil_ms(civil) / 1000;
    return true;
}

static void seconds_move(char *text, size_t size, int64_t shift_s)
{
    int64_t seconds;
    if (shift_s == 0 || !seconds_read(text, size, &seconds))
        return;
    struct buffer moved = {0};
    text_time(&moved, (seconds + shift_s) * 1000);
    memcpy(text, moved.data, 10);
    memcpy(text + 11, moved.data + 11, 8);
    buffer_free(&moved);
}

bool message_arrival(struct bytes message, int64_t *arrival_ms)
{
    struct bytes time = is_json(message) ? member(message, "collector_tstamp") : column(message, COLLECTOR_TSTAMP);
    if (time.size == 0 && is_json(message))
        time = member(message, "timestamp");
    int64_t seconds;
    if (!seconds_read(time.data, time.size, &seconds))
        return false;
    unsigned fraction = 0;
    if (time.size > 20 && time.data[19] == '.') {
        for (size_t i = 0; i < 3; i++) {
            char digit = 20 + i < time.size ? time.data[20 + i] : '0';
            fraction = fraction * 10 + (digit >= '0' && digit <= '9' ? (unsigned)(digit - '0') : 0);
        }
    }
    *arrival_ms = seconds * 1000 + fraction;
    return true;
}

struct bytes message_key(struct bytes message, enum message_key key)
{
    struct bytes found = nothing;
    bool json = is_json(message);
    if (key == KEY_USER) {
        found = json ? member(message, "user_id") : column(message, USER_ID);
        if (found.size == 0)
            found = json ? member(message, "domain_userid") : column(message, DOMAIN_USERID);
        if (found.size == 0)
            found = json ? member(message, "network_userid") : column(message, NETWORK_USERID);
    } else if (key == KEY_SESSION) {
        found = json ? member(message, "domain_sessionid") : column(message, SESSION_ID);
        if (found.size == 0)
            found = member(message, "sessionId");
    }
    return found;
}

static int hex_digit(char digit)
{
    return digit >= '0' && digit <= '9'   ? digit - '0'
           : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
           : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10
                                          : -1;
}

/* The last eight digits of a UUID, xor the round: still a UUID, and another one. */
static void id_change(char *id, size_t size, uint32_t round)
{
    for (size_t i = 0; i < 8 && i < size; i++, round >>= 4) {
        int digit = hex_digit(id[size - 1 - i]);
        if (digit >= 0)
            id[size - 1 - i] = "0123456789abcdef"[digit ^ (int)(round & 15)];
    }
}

/* The value of "id" in the outermost object: entities have ids of their own. */
static struct bytes outer_id(struct bytes message)
{
    int depth = 0;
    const char *end = message.data + message.size;
    for (const char *at = message.data; at < end; at++) {
        if (*at == '{' || *at == '[') {
            depth++;
        } else if (*at == '}' || *at == ']') {
            depth--;
        } else if (*at == '"') {
            if (depth == 1 && end - at > 6 && memcmp(at, "\"id\":\"", 6) == 0)
                return member((struct bytes){at, (size_t)(end - at)}, "id");
            for (at++; at < end && *at != '"'; at++)
                at += *at == '\\';
        }
    }
    return nothing;
}

static void texts_change(struct buffer *out, int64_t shift_s, uint32_t round)
{
    static const char transaction[] = "\"transaction_id\":\"", first[] = "\"firstEventTimestamp\":\"";
    for (size_t from = 0; round != 0;) {
        char *at = memmem(out->data + from, out->size - from, transaction, sizeof transaction - 1);
        if (at == NULL)
            break;
        from = (size_t)(at - out->data) + sizeof transaction - 1;
        char number[16];
        struct buffer suffix = {number, 0, sizeof number};
        buffer_literal(&suffix, "r");
        text_unsigned(&suffix, round);
        buffer_literal(&suffix, "-");
        (void)buffer_add(out, suffix.size);
        memmove(out->data + from + suffix.size, out->data + from, out->size - suffix.size - from);
        memcpy(out->data + from, number, suffix.size);
    }
    char *at = out->size == 0 ? NULL : memmem(out->data, out->size, first, sizeof first - 1);
    if (at != NULL)
        seconds_move(at + sizeof first - 1, (size_t)(out->data + out->size - at) - (sizeof first - 1), shift_s);
}

static void tsv_move(struct buffer *out, int64_t shift_s, uint32_t round)
{
    static const bool is_time[COLUMNS] = {[2] = true, [3] = true, [4] = true, [119] = true, [121] = true, [124] = true,
                                          [130] = true};
    char *at = out->data, *end = out->data + out->size;
    for (int number = 0; number < COLUMNS; number++) {
        char *tab = memchr(at, '\t', (size_t)(end - at));
        size_t size = (size_t)((tab == NULL ? end : tab) - at);
        if (is_time[number])
            seconds_move(at, size, shift_s);
        else if (number == EVENT_ID && round != 0)
            id_change(at, size, round);
        if (tab == NULL)
            break;
        at = tab + 1;
    }
    texts_change(out, shift_s, round);
}

static void json_move(struct buffer *out, int64_t shift_s, uint32_t round)
{
    if (round != 0) {
        struct bytes id = outer_id((struct bytes){out->data, out->size});
        if (id.size != 0)
            id_change(out->data + (id.data - out->data), id.size, round);
    }
    texts_change(out, 0, round);
    char *end = out->data + out->size;
    for (char *at = out->data; (at = memchr(at, '"', (size_t)(end - at))) != NULL && end - at > 20;) {
        at++;
        if (at[4] == '-' && at[10] == 'T')
            seconds_move(at, (size_t)(end - at), shift_s);
    }
}

void message_move(struct buffer *out, struct bytes message, int64_t shift_s, uint32_t round)
{
    buffer_reset(out);
    buffer_put(out, message.data, message.size);
    if (out->size == 0)
        return;
    if (is_json(message))
        json_move(out, shift_s, round);
    else
        tsv_move(out, shift_s, round);
}
