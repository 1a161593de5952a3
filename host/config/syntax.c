/* syntax.c - see syntax.h. A recogniser of libconfig's grammar by descent, over the tokens of token.h: a text is settings,
 * `name = value`, each with an optional semicolon or comma; a value is a scalar, { settings }, ( values ) or [ scalars ]. */
#include "config/syntax.h"

#include "base/memory.h"
#include "config/token.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEEPEST 64

struct name_seen {
    struct token name;
    int group; /* which group it is in, numbered as they open */
};

struct walk {
    struct token_reader reader;
    struct token token, before; /* the current one and the one before it */
    struct token last_text;     /* the last text before the current token */
    const struct whole_text *whole;
    struct syntax_fault *fault;
    bool find_duplicate;
    struct name_seen *names; /* only when looking for duplicates */
    size_t name_count, name_capacity;
    int groups;
};

#define FAULT(walk_, line_, ...)                                                           \
    do {                                                                                   \
        (walk_)->fault->line = (line_);                                                    \
        (void)snprintf((walk_)->fault->detail, sizeof(walk_)->fault->detail, __VA_ARGS__); \
    } while (0)
#define ADVICE(walk_, ...) (void)snprintf((walk_)->fault->advice, sizeof(walk_)->fault->advice, __VA_ARGS__)

static void next(struct walk *walk)
{
    walk->before = walk->token;
    if (walk->token.kind == TOKEN_TEXT)
        walk->last_text = walk->token;
    walk->token = token_next(&walk->reader);
}

/* "line 3", or where the fault is in another file, "line 3 of lanes.conf". */
#define LINE_TEXT_MAX 160
static const char *line_text(const struct walk *walk, int line, int fault_line, char out[LINE_TEXT_MAX])
{
    struct config_place place = whole_text_place(walk->whole, line), fault = whole_text_place(walk->whole, fault_line);
    bool same = strcmp(place.file, fault.file) == 0;
    (void)snprintf(out, LINE_TEXT_MAX, "line %d%s%s", place.line, same ? "" : " of ", same ? "" : place.file);
    return out;
}

static bool sign(const struct walk *walk, char c) { return walk->token.kind == TOKEN_SIGN && *walk->token.start == c; }

static bool scalar(const struct walk *walk)
{
    enum token_kind kind = walk->token.kind;
    return kind == TOKEN_BOOL || kind == TOKEN_INTEGER || kind == TOKEN_FLOAT || kind == TOKEN_TEXT;
}

/* The current token as a message may show it; values are never shown. */
static const char *shown(const struct walk *walk, char out[8])
{
    switch (walk->token.kind) {
    case TOKEN_END: return "the end of the file";
    case TOKEN_NAME: return "a word without quotes";
    case TOKEN_BOOL: return "true or false";
    case TOKEN_INTEGER:
    case TOKEN_FLOAT: return "a number";
    case TOKEN_TEXT: return "a text";
    case TOKEN_SIGN: (void)snprintf(out, 8, "\"%c\"", *walk->token.start); return out;
    default: return "a sign that has no meaning here";
    }
}

/* Faults that look the same wherever they are. True: it was one of them. */
static bool broken_token(struct walk *walk)
{
    const struct token *text = walk->token.kind == TOKEN_TEXT ? &walk->token : &walk->before;
    if (walk->before.kind == TOKEN_NAME && walk->last_text.kind == TOKEN_TEXT &&
        walk->last_text.start + walk->last_text.size == walk->before.start)
        text = &walk->last_text; /* what follows was meant to be inside of it */
    if (text->kind == TOKEN_TEXT && text->lines) {
        FAULT(walk, text->line, "a text begins here and goes on over the end of the line");
        ADVICE(walk, "end it with \" on this line");
        return true;
    }
    if (walk->token.kind == TOKEN_OPEN_TEXT) {
        FAULT(walk, walk->token.line, "a text begins here whose closing quote is missing");
        ADVICE(walk, "end it with \" on this line; a \" inside of a text is written \\\"");
        return true;
    }
    if (walk->token.kind == TOKEN_OPEN_COMMENT) {
        FAULT(walk, walk->token.line, "a comment begins here that is never closed");
        ADVICE(walk, "end it with */, or begin each of its lines with #");
        return true;
    }
    return false;
}

static bool value(struct walk *walk, const struct token *name, int depth);

static void advise_on_duplicate(struct walk *walk, int first_line)
{
    char out[LINE_TEXT_MAX];
    struct config_place place = whole_text_place(walk->whole, walk->token.line), first = whole_text_place(walk->whole, first_line);
    if (place.line == first.line && strcmp(place.file, first.file) == 0 && walk->token.line != first_line)
        ADVICE(walk, "include %.120s once: it is there twice", place.file);
    else
        ADVICE(walk, "keep one of the two; the first is in %s", line_text(walk, first_line, walk->token.line, out));
}

static bool seen_before(struct walk *walk, int group)
{
    for (size_t i = 0; i < walk->name_count; i++) {
        const struct token *seen = &walk->names[i].name;
        if (walk->names[i].group == group && seen->size == walk->token.size &&
            memcmp(seen->start, walk->token.start, seen->size) == 0) {
            FAULT(walk, walk->token.line, "%.*s is set again", (int)seen->size, seen->start);
            advise_on_duplicate(walk, seen->line);
            return true;
        }
    }
    if (walk->name_count == walk->name_capacity) {
        walk->name_capacity = walk->name_capacity == 0 ? 64 : walk->name_capacity * 2;
        walk->names = memory_resize(walk->names, walk->name_capacity * sizeof *walk->names);
    }
    walk->names[walk->name_count++] = (struct name_seen){walk->token, group};
    return false;
}

static bool setting_expected(struct walk *walk)
{
    char out[8];
    if (broken_token(walk))
        return false;
    FAULT(walk, walk->token.line, "the name of a setting was expected, not %s", shown(walk, out));
    if (walk->token.kind == TOKEN_TEXT)
        ADVICE(walk, "names stand without quotes: name = \"text\";");
    else if (sign(walk, ';') || sign(walk, ','))
        ADVICE(walk, "leave it out: one \"%c\" ends a setting", *walk->token.start);
    else if (sign(walk, '}') || sign(walk, ')') || sign(walk, ']'))
        ADVICE(walk, "leave it out: nothing is open that it could close");
    else if (walk->token.kind == TOKEN_STRAY && *walk->token.start == '/')
        ADVICE(walk, "a comment begins with #, // or /*");
    else if (walk->token.kind == TOKEN_STRAY && *walk->token.start == '@')
        ADVICE(walk, "@include \"file\" stands on a line of its own");
    else
        ADVICE(walk, "a setting is name = value; and a name is letters, digits, - and _, beginning with a letter");
    return false;
}

static bool equals_expected(struct walk *walk, const struct token *name, const struct token *before)
{
    char out[8];
    bool touches = before->start != NULL && before->start + before->size == name->start;
    if (touches && (before->kind == TOKEN_INTEGER || before->kind == TOKEN_FLOAT)) { /* as in emit = 30s */
        FAULT(walk, name->line, "a number is followed by letters");
        ADVICE(walk, "a duration with a unit stands in quotes: emit = \"30s\";");
        return false;
    }
    if (touches && before->kind == TOKEN_TEXT &&
        !before->lines) { /* the rest of a text with a quote inside; it may be a secret */
        FAULT(walk, name->line, "a text is followed by letters");
        ADVICE(walk, "a \" inside of a text is written \\\"");
        return false;
    }
    if (broken_token(walk))
        return false;
    FAULT(walk, name->line, "\"=\" was expected after %.*s, not %s", name->size > 40 ? 40 : (int)name->size,
          name->start, shown(walk, out));
    if (walk->token.kind == TOKEN_FLOAT && *walk->token.start == '.')
        ADVICE(walk, "names can't hold dots; a setting inside of a group is written group: { name = value; }, and "
                     "librdkafka's as pairs: properties = ( (\"a.b\", \"value\") );");
    else
        ADVICE(walk, "a setting is name = value; and a text stands in double quotes");
    return false;
}

/* Settings up to the sign that closes their group, or to the end of the file (closing 0). */
static bool settings(struct walk *walk, char closing, const struct token *open, int depth)
{
    int group = walk->groups++;
    for (;;) {
        if (closing != '\0' && sign(walk, closing))
            return true;
        if (walk->token.kind == TOKEN_END) {
            if (closing == '\0')
                return true;
            FAULT(walk, open->line, "the group that begins here with \"{\" is never closed");
            ADVICE(walk, "end it with }; before the end of the file");
            return false;
        }
        if (walk->token.kind != TOKEN_NAME) {
            if (closing != '\0' && (sign(walk, ')') || sign(walk, ']'))) {
                char begins[LINE_TEXT_MAX];
                FAULT(walk, walk->token.line, "\"%c\" while the group that begins in %s is open", *walk->token.start,
                      line_text(walk, open->line, walk->token.line, begins));
                ADVICE(walk, "close the group with } before it");
                return false;
            }
            return setting_expected(walk);
        }
        if (walk->find_duplicate && seen_before(walk, group))
            return false;
        struct token name = walk->token, before = walk->before;
        next(walk);
        if (!sign(walk, '=') && !sign(walk, ':'))
            return equals_expected(walk, &name, &before);
        next(walk);
        if (!value(walk, &name, depth))
            return false;
        if (sign(walk, ';') || sign(walk, ','))
            next(walk);
    }
}

/* Elements up to the closing sign. */
static bool elements(struct walk *walk, char closing, const struct token *open, const struct token *name, int depth)
{
    char out[8];
    bool first = true;
    while (!sign(walk, closing)) {
        if (walk->token.kind == TOKEN_END) {
            FAULT(walk, open->line, "the list that begins here with \"%c\" is never closed", *open->start);
            ADVICE(walk, "end it with %c; before the end of the file", closing);
            return false;
        }
        if (!first) {
            if (!sign(walk, ',')) {
                if (broken_token(walk))
                    return false;
                FAULT(walk, walk->token.line, "\",\" or \"%c\" was expected, not %s", closing, shown(walk, out));
                ADVICE(walk, sign(walk, ';') ? "elements of a list are separated by commas, not semicolons"
                                             : "a comma is missing between two elements of the list");
                return false;
            }
            struct token comma = walk->token;
            next(walk);
            if (sign(walk, closing)) {
                FAULT(walk, comma.line, "a \",\" with no element behind it");
                ADVICE(walk, "leave out the comma before the closing %c", closing);
                return false;
            }
        }
        if (closing == ']' && !scalar(walk) && (sign(walk, '{') || sign(walk, '(') || sign(walk, '['))) {
            FAULT(walk, walk->token.line, "%s inside of [ ]", shown(walk, out));
            ADVICE(walk, "[ ] holds numbers or texts only; groups and lists stand in ( )");
            return false;
        }
        if (!value(walk, name, depth))
            return false;
        first = false;
    }
    return true;
}

static bool value(struct walk *walk, const struct token *name, int depth)
{
    char out[8];
    if (depth > DEEPEST) {
        FAULT(walk, walk->token.line, "groups and lists are nested more than %d deep", DEEPEST);
        ADVICE(walk, "a configuration needs no more than five levels");
        return false;
    }
    if (scalar(walk)) {
        bool text = walk->token.kind == TOKEN_TEXT;
        do
            next(walk);
        while (text && walk->token.kind == TOKEN_TEXT); /* "a" "b" is one text */
        return true;
    }
    struct token open = walk->token;
    bool good;
    if (sign(walk, '{')) {
        next(walk);
        good = settings(walk, '}', &open, depth + 1);
    } else if (sign(walk, '(') || sign(walk, '[')) {
        char closing = *open.start == '(' ? ')' : ']';
        next(walk);
        good = elements(walk, closing, &open, name, depth + 1);
    } else {
        if (broken_token(walk))
            return false;
        int width = name->size > 40 ? 40 : (int)name->size;
        FAULT(walk, walk->token.kind == TOKEN_NAME ? walk->token.line : walk->before.line,
              "a value was expected for %.*s, not %s", width, name->start, shown(walk, out));
        if (walk->token.kind == TOKEN_NAME || walk->token.kind == TOKEN_STRAY)
            ADVICE(walk, "a text stands in double quotes: %.*s = \"...\";", width, name->start);
        else
            ADVICE(walk, "write a value: %.*s = ...;", width, name->start);
        return false;
    }
    if (good)
        next(walk);
    return good;
}

static bool look(const struct whole_text *whole, bool find_duplicate, struct syntax_fault *fault)
{
    struct walk walk = {.whole = whole, .fault = fault, .find_duplicate = find_duplicate};
    memset(fault, 0, sizeof *fault);
    token_reader_init(&walk.reader, whole->text.data, whole->text.size);
    next(&walk);
    walk.before = (struct token){.kind = TOKEN_END};
    bool good = settings(&walk, '\0', NULL, 0);
    free(walk.names);
    return !good;
}

bool syntax_explain(const struct whole_text *whole, struct syntax_fault *fault) { return look(whole, false, fault); }

bool syntax_find_duplicate(const struct whole_text *whole, struct syntax_fault *fault) { return look(whole, true, fault); }
