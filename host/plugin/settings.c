/* settings.c - see settings.h. */
#include "plugin/settings.h"

#include "base/memory.h"
#include "plugin/plugin_table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void put_number(void *settings, const sl_param *param, double number)
{
    char *place = (char *)settings + param->offset;
    if (param->type == SL_BOOL)
        memcpy(place, &(bool){number != 0}, sizeof(bool));
    else if (param->type == SL_F64)
        memcpy(place, &number, sizeof number);
    else if (param->type == SL_I64)
        memcpy(place, &(int64_t){(int64_t)number}, sizeof(int64_t));
    else
        memcpy(place, &(int64_t){(int64_t)llround(number * 1e6)}, sizeof(int64_t));
}

static bool put_word(void *settings, const sl_param *param, const char *word)
{
    if (param->type == SL_TEXT) {
        memcpy((char *)settings + param->offset, &word, sizeof word);
        return true;
    }
    for (int32_t i = 0; param->choices[i] != NULL; i++)
        if (strcmp(param->choices[i], word) == 0) {
            memcpy((char *)settings + param->offset, &i, sizeof i);
            return true;
        }
    return false;
}

static void list_names(char *out, size_t size, const sl_param *params)
{
    out[0] = '\0';
    for (; params != NULL && params->name != NULL; params++) {
        size_t used = strlen(out);
        (void)snprintf(out + used, size - used, "%s%s", used == 0 ? "" : ", ", params->name);
    }
}

static void list_words(char *out, size_t size, const char *const *words)
{
    out[0] = '\0';
    for (; *words != NULL; words++) {
        size_t used = strlen(out);
        (void)snprintf(out + used, size - used, "%s\"%s\"", used == 0 ? "" : ", ", *words);
    }
}

static void found(struct error *error, const struct param_setting *given)
{
    char value[200];
    switch (given->type) {
    case PARAM_BOOL: (void)snprintf(value, sizeof value, "%s", given->flag ? "true" : "false"); break;
    case PARAM_INT: (void)snprintf(value, sizeof value, "%lld", (long long)given->integer); break;
    case PARAM_FLOAT: (void)snprintf(value, sizeof value, "%s", given->text); break;
    case PARAM_TEXT: (void)snprintf(value, sizeof value, "\"%s\"", given->text); break;
    default: (void)snprintf(value, sizeof value, "a group or list"); break;
    }
    error_found(error, "%s:%d: %s = %s", given->place.file, given->place.line, given->name, value);
}

static void take(void *settings, const sl_param *param, const struct param_setting *given, const char *of,
                 struct error_list *errors)
{
    bool number = param->type == SL_I64 || param->type == SL_F64 || param->type == SL_MONEY;
    char advice[300];
    if (number && (given->type == PARAM_INT || (given->type == PARAM_FLOAT && param->type != SL_I64))) {
        double value = given->type == PARAM_INT ? (double)given->integer : given->number;
        if (value >= param->min && value <= param->max) {
            if (param->type == SL_I64) /* not by way of a double, which has 53 bits only */
                memcpy((char *)settings + param->offset, &given->integer, sizeof given->integer);
            else
                put_number(settings, param, value);
            return;
        }
        (void)snprintf(advice, sizeof advice, "%.15g to %.15g: %s", param->min, param->max, param->help);
    } else if (number) {
        (void)snprintf(advice, sizeof advice, "a %s number from %.15g to %.15g: %s",
                       param->type == SL_I64 ? "whole" : "decimal", param->min, param->max, param->help);
    } else if (param->type == SL_BOOL) {
        if (given->type == PARAM_BOOL) {
            put_number(settings, param, given->flag);
            return;
        }
        (void)snprintf(advice, sizeof advice, "true or false: %s", param->help);
    } else {
        if (given->type == PARAM_TEXT && put_word(settings, param, given->text))
            return;
        char words[200] = "a text in quotes";
        if (param->type == SL_CHOICE)
            list_words(words, sizeof words, param->choices);
        (void)snprintf(advice, sizeof advice, "%s: %s", words, param->help);
    }
    struct error *error = error_list_add(errors);
    error_what(error, "parameter \"%s\" of %s has a value it can't have", given->name, of);
    found(error, given);
    error_advice(error, "%s", advice);
}

void *settings_fill(const sl_param *params, size_t size, const struct param_settings *given, const char *of,
                    struct error_list *errors)
{
    void *settings = size == 0 ? NULL : memory_new(size);
    for (const sl_param *param = params; param != NULL && param->name != NULL; param++) {
        if (param->type == SL_TEXT || param->type == SL_CHOICE)
            (void)put_word(settings, param, param->default_text);
        else
            put_number(settings, param, param->default_number);
    }
    for (size_t i = 0; i < given->count; i++) {
        const sl_param *param = params;
        while (param != NULL && param->name != NULL && strcmp(param->name, given->items[i].name) != 0)
            param++;
        if (param != NULL && param->name != NULL) {
            take(settings, param, &given->items[i], of, errors);
            continue;
        }
        char names[300];
        list_names(names, sizeof names, params);
        struct error *error = error_list_add(errors);
        error_what(error, "%s has no parameter \"%s\"", of, given->items[i].name);
        found(error, &given->items[i]);
        error_advice(error, names[0] == '\0' ? "it has none%s" : "it has: %s", names);
    }
    return settings;
}
