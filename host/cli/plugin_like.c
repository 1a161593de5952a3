/* plugin_like.c - see plugin_like.h. Sources are read as text, by the way ours are written: a table begins with SL_LANE(KEY, "name" or
 * SL_METRIC("name", a feature is {"name", SL_...}, and a case's first lines say which lane and which parsers it is about. */
#include "cli/plugin_like.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "base/program.h"
#include "cli/project.h"
#include "config/file_text.h"
#include "config/near_miss.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FEATURES_MOST 64

/* One source file and what is to become of it. */
struct source {
    char *path, *text;
    char *old, *new; /* names of the plugin */
};

struct likeness {
    const struct plugin_like *like;
    struct source lane, metric; /* path NULL: there is none */
    bool one_file;              /* the lane's has the parser too */
    char *folder;               /* of the cases: that of what it is like */
    char *features[FEATURES_MOST];
    size_t feature_count;
    struct error *error;
};

/* ---- where sources are ---- */

enum root { ROOT_LANES, ROOT_METRICS, ROOT_RECIPES };
static char *root_path(enum root root)
{
    static const char *const near[][2] = {{"../" SHOPLANE_SOURCE_SUBFOLDER "/lanes", "../plugins/lanes"},
                                          {"../" SHOPLANE_SOURCE_SUBFOLDER "/metrics", "../plugins/metrics"},
                                          {"../" SHOPLANE_SOURCE_SUBFOLDER "/recipes", "../sdk/examples"}};
    return program_near(near[root], 2);
}

static int only_visible(const struct dirent *entry) { return entry->d_name[0] != '.'; }

static void free_entries(struct dirent **entries, int count)
{
    for (int i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
}

/* <root>/<any folder>/<name>.c, if it has a table of this kind. */
static bool find_below(enum root root, const char *name, const char *table, struct source *source, struct buffer *list)
{
    char *folder = root_path(root);
    struct dirent **entries = NULL;
    int count = folder == NULL ? 0 : scandir(folder, &entries, only_visible, alphasort);
    bool found = false;
    for (int i = 0; i < count && !found; i++) {
        char *inner = memory_format("%s/%s", folder, entries[i]->d_name);
        struct dirent **files = NULL;
        int file_count = scandir(inner, &files, only_visible, alphasort);
        for (int k = 0; k < file_count && !found; k++) {
            size_t length = strlen(files[k]->d_name), size;
            struct error ignored;
            if (length < 3 || strcmp(files[k]->d_name + length - 2, ".c") != 0)
                continue;
            char *path = memory_format("%s/%s", inner, files[k]->d_name), *text = file_text_read(path, &size, &ignored);
            bool is_one = text != NULL && strstr(text, table) != NULL;
            found = is_one && length - 2 == strlen(name) && strncmp(files[k]->d_name, name, length - 2) == 0;
            if (found) {
                source->path = path;
                source->text = text;
                source->old = memory_text(name);
                continue;
            }
            if (is_one && list != NULL)
                buffer_printf(list, "%s%.*s", list->size == 0 ? "" : ", ", (int)length - 2, files[k]->d_name);
            free(text);
            free(path);
        }
        free_entries(files, file_count < 0 ? 0 : file_count);
        free(inner);
    }
    free_entries(entries, count < 0 ? 0 : count);
    free(folder);
    return found;
}

static const char *const tables[] = {[PLUGIN_LANE] = "SL_LANE(", [PLUGIN_METRIC] = "SL_METRIC("};

static bool find_anywhere(enum plugin_kind kind, const char *name, struct source *source, struct buffer *list)
{
    static const enum root roots[] = {[PLUGIN_LANE] = ROOT_LANES, [PLUGIN_METRIC] = ROOT_METRICS};
    return find_below(roots[kind], name, tables[kind], source, list) ||
           find_below(ROOT_RECIPES, name, tables[kind], source, list);
}

static void source_free(struct source *source)
{
    free(source->path);
    free(source->text);
    free(source->old);
    free(source->new);
}

/* The sources in a recipe's folder that have a table of this kind, "a, b"; *in_c: there is any source in C. */
static void list_folder(const char *folder, enum plugin_kind kind, struct buffer *list, bool *in_c)
{
    struct dirent **files = NULL;
    int count = scandir(folder, &files, only_visible, alphasort);
    for (int i = 0; i < count; i++) {
        size_t length = strlen(files[i]->d_name), size;
        struct error ignored;
        if (length < 3 || strcmp(files[i]->d_name + length - 2, ".c") != 0)
            continue;
        char *path = memory_format("%s/%s", folder, files[i]->d_name), *text = file_text_read(path, &size, &ignored);
        *in_c = true;
        if (text != NULL && strstr(text, tables[kind]) != NULL)
            buffer_printf(list, "%s%.*s", list->size == 0 ? "" : ", ", (int)length - 2, files[i]->d_name);
        free(text);
        free(path);
    }
    free_entries(files, count < 0 ? 0 : count);
    buffer_byte(list, '\0');
}

/* A recipe may be called otherwise than its plugins, or be in another language. False: there is no such recipe. */
static bool tell_recipe(enum plugin_kind kind, const char *name, struct error *error)
{
    char *root = root_path(ROOT_RECIPES), *folder = root == NULL ? NULL : memory_format("%s/%s", root, name);
    bool is_one = folder != NULL && strchr(name, '/') == NULL && *name != '.' && access(folder, X_OK) == 0,
         in_c = false;
    struct buffer same = {0}, others = {0};
    enum plugin_kind other = kind == PLUGIN_LANE ? PLUGIN_METRIC : PLUGIN_LANE;
    if (is_one) {
        list_folder(folder, kind, &same, &in_c);
        list_folder(folder, other, &others, &in_c);
        if (!in_c)
            error_advice(error, "the recipe \"%s\" is not in C: copy it, and change the names: %.300s", name, folder);
        else if (*same.data != '\0' && kind == PLUGIN_LANE && *others.data != '\0')
            error_advice(error, "the recipe \"%s\" has lanes %.150s and parsers %.150s: --like LANE/PARSER", name,
                         same.data, others.data);
        else if (*same.data != '\0')
            error_advice(error, "the recipe \"%s\" has these: %.300s", name, same.data);
        else
            error_advice(error, "the recipe \"%s\" is one of a %s: shoplane plugin new %s NAME --like %.200s", name,
                         plugin_kind_word(other), plugin_kinds[other].keyword, others.data);
    }
    buffer_free(&same);
    buffer_free(&others);
    free(folder);
    free(root);
    return is_one;
}

/* The word of "a, b, c" that was probably meant; or NULL. `copy` is cut into them. */
static const char *nearest_of(const char *name, char *copy)
{
    const char *words[256];
    size_t count = 0;
    char *rest = NULL;
    for (char *word = strtok_r(copy, ", ", &rest); word != NULL && count < 255; word = strtok_r(NULL, ", ", &rest))
        words[count++] = word;
    words[count] = NULL;
    return near_miss(name, words);
}

static void tell_no_source(enum plugin_kind kind, const char *name, const char *list, struct error *error)
{
    enum plugin_kind other = kind == PLUGIN_LANE ? PLUGIN_METRIC : PLUGIN_LANE;
    struct source source = {0};
    error_what(error, "there are no sources of a %s \"%s\"", plugin_kind_word(kind), name);
    if (find_anywhere(other, name, &source, NULL)) {
        error_advice(error, "there is a %s of this name: shoplane plugin new %s NAME --like %s",
                     plugin_kind_word(other), plugin_kinds[other].keyword, name);
    } else if (!tell_recipe(kind, name, error)) {
        char *copy = memory_text(list);
        const char *nearest = nearest_of(name, copy);
        if (nearest != NULL)
            error_advice(error, "nearest: %s; there are: %.400s", nearest, list);
        else
            error_advice(error, "%s%.400s",
                         *list != '\0' ? "there are: " : "install shoplane as a whole: cmake --install build", list);
        free(copy);
    }
    source_free(&source);
}

static bool find_source(enum plugin_kind kind, const char *name, struct source *source, struct error *error)
{
    struct buffer list = {0};
    bool found = find_anywhere(kind, name, source, &list);
    buffer_byte(&list, '\0');
    if (!found)
        tell_no_source(kind, name, list.data, error);
    buffer_free(&list);
    return found;
}

static char *folder_of(const char *path) { return memory_format("%.*s", (int)(strrchr(path, '/') - path), path); }

/* ---- texts ---- */

/* Every `from` becomes `to`. */
static void replace(char **text, const char *from, const char *to)
{
    struct buffer out = {0};
    const char *at = *text;
    for (const char *found; (found = strstr(at, from)) != NULL; at = found + strlen(from)) {
        buffer_put(&out, at, (size_t)(found - at));
        buffer_put(&out, to, strlen(to));
    }
    buffer_put(&out, at, strlen(at) + 1);
    free(*text);
    *text = out.data;
}

static void replace_with(char **text, const char *format_from, const char *old, const char *format_to, const char *new)
{
    char *from = memory_format("%s%s%s", format_from, old, format_to),
         *to = memory_format("%s%s%s", format_from, new, format_to);
    replace(text, from, to);
    free(from);
    free(to);
}

static void rename_source(struct source *source)
{
    static const char *const before[] = {"SL_KEY_USER, \"", "SL_KEY_SESSION, \"", "SL_KEY_OWN, \"", "SL_METRIC(\""};
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++)
        replace_with(&source->text, before[i], source->old, "\"", source->new);
    replace_with(&source->text, "/* ", source->old, ".c ", source->new);
}

/* {"name", SL_...}: of each feature, which gets the new name before its own, or it would be one that is there already. */
static void rename_features(struct likeness *likeness, struct source *source)
{
    struct buffer out = {0};
    const char *at = source->text;
    for (const char *row; (row = strstr(at, "{\"")) != NULL;) {
        size_t size = strcspn(row + 2, "\"\n");
        bool feature = strncmp(row + 2 + size, "\", SL_", 6) == 0 && likeness->feature_count < FEATURES_MOST;
        buffer_put(&out, at, (size_t)(row + 2 - at));
        if (feature) {
            likeness->features[likeness->feature_count++] = memory_format("%.*s", (int)size, row + 2);
            buffer_printf(&out, "%s_", source->new);
        }
        at = row + 2;
    }
    buffer_put(&out, at, strlen(at) + 1);
    free(source->text);
    source->text = out.data;
}

/* The feature that a key of a case goes on with behind a ':', if it is one of ours. */
static bool feature_begins(const struct likeness *likeness, const char *at)
{
    for (size_t i = 0; i < likeness->feature_count; i++) {
        size_t size = strlen(likeness->features[i]);
        if (strncmp(at, likeness->features[i], size) == 0 && (at[size] == '_' || at[size] == ' ' || at[size] == '\n'))
            return true;
    }
    return false;
}

/* ---- cases ---- */

static bool word_is(const char *word, size_t size, const char *text)
{
    return size == strlen(text) && strncmp(word, text, size) == 0;
}

/* A line "lane NAME ... metrics NAME ...": false, it is about a lane that the new folder has not. */
static bool put_lane_line(const struct likeness *likeness, const char *line, size_t size, struct buffer *out)
{
    bool metrics = false, good = true;
    size_t number = 0;
    for (size_t at = 0; at < size;) {
        size_t blank = strspn(line + at, " "), word = strcspn(line + at + blank, " \n");
        const char *begin = line + at + blank, *put = NULL;
        buffer_put(out, line + at, blank);
        if (number == 1 && likeness->lane.path != NULL) {
            good = word_is(begin, word, likeness->lane.old);
            put = likeness->lane.new;
        } else if (metrics && likeness->metric.path != NULL && word_is(begin, word, likeness->metric.old)) {
            put = likeness->metric.new;
        } else if (metrics && likeness->one_file && word_is(begin, word, likeness->lane.old)) {
            put = likeness->lane.new;
        }
        metrics = metrics || word_is(begin, word, "metrics");
        buffer_put(out, put != NULL ? put : begin, put != NULL ? strlen(put) : word);
        at += blank + word;
        number++;
    }
    return good;
}

/* The parsers of a case's first lane: the first of them, to be freed. NULL: it is not about this lane. */
static char *first_parser(const char *text, const char *lane)
{
    char *begin = memory_format("\nlane %s ", lane);
    const char *line = strstr(text, begin), *metrics = line == NULL ? NULL : strstr(line, " metrics ");
    free(begin);
    return metrics == NULL ? NULL : memory_format("%.*s", (int)strcspn(metrics + 9, " \n"), metrics + 9);
}

/* The case in the new names. NULL: it is not only about what is renamed. */
static char *rename_case(const struct likeness *likeness, const char *text)
{
    struct buffer out = {0};
    bool good = true, about = false;
    for (const char *line = text; *line != '\0' && good;) {
        size_t size = strcspn(line, "\n");
        if (strncmp(line, "lane ", 5) == 0) {
            size_t before = out.size;
            good = put_lane_line(likeness, line, size, &out);
            about = about || out.size - before != size || memcmp(out.data + before, line, size) != 0;
        } else {
            for (size_t at = 0; at < size; at++) {
                buffer_byte(&out, line[at]);
                if (line[at] == ':' && line[0] != '#' && feature_begins(likeness, line + at + 1))
                    buffer_printf(&out, "%s_",
                                  likeness->metric.path != NULL ? likeness->metric.new : likeness->lane.new);
            }
        }
        line += size;
        if (*line == '\n') {
            buffer_byte(&out, '\n');
            line++;
        }
    }
    buffer_byte(&out, '\0');
    if (good && about)
        return out.data;
    buffer_free(&out);
    return NULL;
}

/* ---- files ---- */

static bool put_file(struct likeness *likeness, const char *to, const char *name, const char *text)
{
    char *path = memory_format("%s/%s", to, name);
    bool good = project_write(path, text, likeness->error);
    free(path);
    return good;
}

static bool has_ending(const char *name, const char *ending)
{
    size_t size = strlen(name), end = strlen(ending);
    return size > end && strcmp(name + size - end, ending) == 0;
}

/* Every case of the folder that can be told in the new names; and, of its own folder, what else lies there, as it is. */
static bool put_others(struct likeness *likeness, const char *folder, bool own, const char *to)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, only_visible, alphasort);
    bool good = true;
    for (int i = 0; i < count && good; i++) {
        const char *name = entries[i]->d_name;
        size_t size;
        if (has_ending(name, ".c"))
            continue;
        char *path = memory_format("%s/%s", folder, name), *text = file_text_read(path, &size, likeness->error);
        char *renamed = text == NULL || !has_ending(name, ".case") ? NULL : rename_case(likeness, text);
        good = text != NULL;
        if (good && (renamed != NULL || (own && !has_ending(name, ".case"))))
            good = put_file(likeness, to, name, renamed != NULL ? renamed : text);
        free(renamed);
        free(text);
        free(path);
    }
    free_entries(entries, count < 0 ? 0 : count);
    return good;
}

/* Of a shipped parser the cases are its lane's. */
static bool put_lanes_cases(struct likeness *likeness, const char *to)
{
    char *root = root_path(ROOT_LANES);
    struct dirent **entries = NULL;
    int count = root == NULL ? 0 : scandir(root, &entries, only_visible, alphasort);
    bool good = true;
    for (int i = 0; i < count && good; i++) {
        char *folder = memory_format("%s/%s", root, entries[i]->d_name);
        good = put_others(likeness, folder, false, to);
        free(folder);
    }
    free_entries(entries, count < 0 ? 0 : count);
    free(root);
    return good;
}

static void put_plugin(const struct source *source, enum plugin_kind kind, struct buffer *out)
{
    buffer_printf(out, "shoplane_add_plugin(%s %s %s.c)\n", plugin_kinds[kind].keyword, source->new, source->new);
    if (strstr(source->text, "#include <math.h>") != NULL)
        buffer_printf(out, "target_link_libraries(plugin_%s_%s PRIVATE m)\n", plugin_kind_folder(kind), source->new);
}

static bool put_lists(struct likeness *likeness, const char *to)
{
    struct buffer out = {0};
    buffer_printf(&out,
                  "cmake_minimum_required(VERSION 3.16)\nproject(%s C)\nif(NOT CMAKE_BUILD_TYPE)\n"
                  "  set(CMAKE_BUILD_TYPE RelWithDebInfo)\nendif()\nfind_package(ShoplaneSDK %d.%d REQUIRED)\n\n",
                  likeness->like->name, SL_SDK_MAJOR, SL_SDK_MINOR);
    if (likeness->lane.path != NULL)
        put_plugin(&likeness->lane, PLUGIN_LANE, &out);
    if (likeness->metric.path != NULL)
        put_plugin(&likeness->metric, PLUGIN_METRIC, &out);
    buffer_byte(&out, '\0');
    bool good = put_file(likeness, to, "CMakeLists.txt", out.data);
    buffer_free(&out);
    return good;
}

/* How a host's configuration names it. */
static bool put_config(struct likeness *likeness, const char *to)
{
    const struct source *lane = &likeness->lane, *metric = &likeness->metric;
    char *text, *name = memory_format("%s.conf", likeness->like->name);
    if (lane->path == NULL) {
        text = memory_format("# For `metrics` of a lane in the host's configuration.\n\"%s\"\n", metric->new);
    } else {
        const char *windows = strstr(lane->text, "SL_KEY_SESSION") != NULL ? "{ name = \"session\"; gap = \"30m\"; }"
                              : strstr(lane->text, ".bucket_ms") != NULL
                                  ? "{ name = \"7d\"; length = \"7d\"; }"
                                  : "{ name = \"5m\"; length = \"5m\"; }, { name = \"1h\"; length = \"1h\"; }";
        text =
            memory_format("# For `lanes` of the host's configuration.\n{\n    lane = \"%s\";\n    windows = ( %s );\n"
                          "    metrics = ( \"%s\" );\n}\n",
                          lane->new, windows, likeness->one_file ? lane->new : metric->new);
    }
    bool good = put_file(likeness, to, name, text);
    free(text);
    free(name);
    return good;
}

static bool put_source(struct likeness *likeness, const struct source *source, const char *to)
{
    char *name = memory_format("%s.c", source->new);
    bool good = source->path == NULL || put_file(likeness, to, name, source->text);
    free(name);
    return good;
}

static bool put_readme(struct likeness *likeness, const char *to)
{
    char *text = memory_format(
        "# %s\n\nMade from the sources of `%s`, under names of its own; features have the new name before their own. Change them into what\n"
        "you want. What the parts of a source are for: the author's guide, and `shoplane plugin new lane NAME` without `--like`.\n\n"
        "    shoplane plugin build        # into build/\n    shoplane plugin test         # all cases\n"
        "    shoplane plugin validate     # whether it keeps the SDK's contract, with random events\n"
        "    shoplane plugin install      # to the host's plugins, without disturbing it\n"
        "    shoplane reload              # the running host takes it up, once its configuration names it: %s.conf\n",
        likeness->like->name, likeness->like->like, likeness->like->name);
    bool good = put_file(likeness, to, "README.md", text) && put_file(likeness, to, ".gitignore", "build*/\n");
    free(text);
    return good;
}

/* ---- what it is like ---- */

/* The parser for a new lane: the one that was named behind a '/', else the first that its cases use and that there are sources of. */
static bool find_parser(struct likeness *likeness, const char *named)
{
    struct dirent **entries = NULL;
    int count = scandir(likeness->folder, &entries, only_visible, alphasort);
    char *parser = named == NULL ? NULL : memory_text(named);
    for (int i = 0; i < count && parser == NULL; i++) {
        size_t size;
        struct error ignored;
        char *path = memory_format("%s/%s", likeness->folder, entries[i]->d_name);
        char *text = has_ending(path, ".case") ? file_text_read(path, &size, &ignored) : NULL;
        parser = text == NULL ? NULL : first_parser(text, likeness->lane.old);
        free(text);
        free(path);
    }
    free_entries(entries, count < 0 ? 0 : count);
    bool good = parser != NULL;
    if (!good)
        error_what(likeness->error, "no case of lane \"%s\" says which parser goes with it", likeness->lane.old);
    good = good && find_source(PLUGIN_METRIC, parser, &likeness->metric, likeness->error);
    free(parser);
    return good;
}

static bool find_all(struct likeness *likeness)
{
    const struct plugin_like *like = likeness->like;
    if (like->kind == PLUGIN_METRIC) {
        if (!find_source(PLUGIN_METRIC, like->like, &likeness->metric, likeness->error))
            return false;
        if (strstr(likeness->metric.text, "SL_LANE(") != NULL) {
            error_what(likeness->error, "parser \"%s\" is in one file with its lane", like->like);
            error_advice(likeness->error, "make both: shoplane plugin new lane %s --like %s", like->name, like->like);
            return false;
        }
        likeness->metric.new = memory_text(like->name);
        likeness->folder = folder_of(likeness->metric.path);
        return true;
    }
    size_t size = strcspn(like->like, "/");
    char *lane = memory_format("%.*s", (int)size, like->like);
    bool good = find_source(PLUGIN_LANE, lane, &likeness->lane, likeness->error);
    free(lane);
    if (!good)
        return false;
    likeness->lane.new = memory_text(like->name);
    likeness->folder = folder_of(likeness->lane.path);
    likeness->one_file = strstr(likeness->lane.text, "SL_METRIC(") != NULL;
    if (likeness->one_file && like->metric != NULL && strcmp(like->metric, like->name) != 0) {
        error_what(likeness->error, "the parser of \"%s\" is in one file with it, and has its name", like->like);
        error_advice(likeness->error, "leave --metric out");
        return false;
    }
    if (likeness->one_file)
        return true;
    likeness->metric.new = like->metric != NULL ? memory_text(like->metric) : memory_format("%s_features", like->name);
    return find_parser(likeness, like->like[size] == '/' ? like->like + size + 1 : NULL);
}

bool plugin_like_fill(const struct plugin_like *like, const char *to, struct error *error)
{
    struct likeness likeness = {.like = like, .error = error};
    bool good = find_all(&likeness);
    if (good && likeness.lane.path != NULL)
        rename_source(&likeness.lane);
    if (good && likeness.metric.path != NULL)
        rename_source(&likeness.metric);
    if (good)
        rename_features(&likeness, likeness.one_file ? &likeness.lane : &likeness.metric);
    good = good && put_source(&likeness, &likeness.lane, to) && put_source(&likeness, &likeness.metric, to) &&
           put_others(&likeness, likeness.folder, true, to) &&
           (like->kind == PLUGIN_LANE || put_lanes_cases(&likeness, to)) && put_lists(&likeness, to) &&
           put_config(&likeness, to) && put_readme(&likeness, to);
    for (size_t i = 0; i < likeness.feature_count; i++)
        free(likeness.features[i]);
    source_free(&likeness.lane);
    source_free(&likeness.metric);
    free(likeness.folder);
    return good;
}
