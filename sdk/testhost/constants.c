/* constants.c - see constants.h. */
#include "testhost/constants.h"

#include "base/memory.h"

#include <fcntl.h>
#include <gelf.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_of_params(const sl_param *params, const char *text)
{
    for (; params != NULL && params->name != NULL; params++)
        if (strcmp(params->name, text) == 0 || (params->help != NULL && strcmp(params->help, text) == 0))
            return true;
    return false;
}

static bool is_of_fields(const sl_field *fields, const char *text)
{
    for (; fields->name != NULL; fields++)
        if (strcmp(fields->name, text) == 0 || (fields->help != NULL && strcmp(fields->help, text) == 0))
            return true;
    return false;
}

/* A text that the table needs says nothing about the values of events. */
static bool is_of_table(const sl_lane *lane, const char *text)
{
    for (const sl_input *input = lane->inputs; input != NULL && input->path != NULL; input++)
        if (strcmp(input->path, text) == 0 || (input->name != NULL && strcmp(input->name, text) == 0))
            return true;
    for (const char *const *event = lane->events; *event != NULL; event++)
        if (strcmp(*event, text) == 0)
            return true;
    return strcmp(lane->name, text) == 0 || strcmp(lane->version, text) == 0 || strcmp(lane->summary, text) == 0 ||
           is_of_params(lane->params, text) || is_of_fields(lane->record, text) || is_of_fields(lane->values, text);
}

static bool has(char *const *items, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(items[i], text) == 0)
            return true;
    return false;
}

static void add_number(struct constants *constants, double number)
{
    char text[40];
    (void)snprintf(text, sizeof text, "%.15g", number);
    if (constants->number_count < CONSTANTS_MAX && !has(constants->numbers, constants->number_count, text))
        constants->numbers[constants->number_count++] = memory_text(text);
}

static void add_texts(struct constants *constants, const char *data, size_t size, const sl_lane *lane)
{
    for (size_t at = 0; at < size;) {
        size_t length = strnlen(data + at, size - at);
        bool printable = length >= 1 && length <= CONSTANT_TEXT_MAX && at + length < size;
        for (size_t i = 0; printable && i < length; i++)
            printable = (unsigned char)data[at + i] >= ' ' && data[at + i] != 0x7f;
        if (printable && constants->text_count < CONSTANTS_MAX && !is_of_table(lane, data + at) &&
            !has(constants->texts, constants->text_count, data + at))
            constants->texts[constants->text_count++] = memory_text(data + at);
        at += length + 1;
    }
}

/* Numbers that a person would write: few digits, and neither huge nor tiny. All other eight bytes are something else. */
static void add_doubles(struct constants *constants, const char *data, size_t size)
{
    for (size_t at = 0; at + sizeof(double) <= size; at += sizeof(double)) {
        double number;
        char text[40];
        memcpy(&number, data + at, sizeof number);
        if (!isfinite(number) || fabs(number) < 1e-6 || fabs(number) > 1e12)
            continue;
        (void)snprintf(text, sizeof text, "%.6g", number);
        if (strtod(text, NULL) == number)
            add_number(constants, number);
    }
}

static void add_params(struct constants *constants, const sl_param *params)
{
    for (; params != NULL && params->name != NULL; params++) {
        if (params->type == SL_TEXT || params->type == SL_CHOICE || params->type == SL_BOOL)
            continue;
        const double numbers[] = {params->default_number, params->default_number - 1, params->default_number + 1};
        for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
            add_number(constants, numbers[i]);
    }
}

void constants_read(struct constants *constants, const char *path, const sl_lane *lane)
{
    *constants = (struct constants){0};
    add_params(constants, lane->params);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    (void)elf_version(EV_CURRENT);
    Elf *elf = file < 0 ? NULL : elf_begin(file, ELF_C_READ, NULL);
    size_t names = 0;
    if (elf != NULL && elf_getshdrstrndx(elf, &names) == 0)
        for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section)) != NULL;) {
            GElf_Shdr header;
            const char *name = gelf_getshdr(section, &header) == NULL ? NULL : elf_strptr(elf, names, header.sh_name);
            const Elf_Data *data = name == NULL || strncmp(name, ".rodata", 7) != 0 ? NULL : elf_getdata(section, NULL);
            if (data == NULL || data->d_buf == NULL)
                continue;
            add_texts(constants, data->d_buf, data->d_size, lane);
            add_doubles(constants, data->d_buf, data->d_size);
        }
    if (elf != NULL)
        (void)elf_end(elf);
    if (file >= 0)
        (void)close(file);
}

void constants_free(struct constants *constants)
{
    for (size_t i = 0; i < constants->text_count; i++)
        free(constants->texts[i]);
    for (size_t i = 0; i < constants->number_count; i++)
        free(constants->numbers[i]);
    *constants = (struct constants){0};
}
