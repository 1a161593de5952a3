/* parse.c - see parse.h.
 *
 * Bytes are read as they come, every whole line among them is turned into a line of output or a dead letter, and both are
 * written before the next read: so a pipe that trickles is answered at once, and a file goes in large pieces. A line ends
 * at a newline only; the last one may lack it. */
#include "cli/parse.h"

#include "base/buffer.h"
#include "base/error.h"
#include "cli/command.h"
#include "cli/report.h"
#include "snowplow/bad_row.h"
#include "snowplow/sdk_json.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_SIZE = 256 * 1024, WRITE_SIZE = 256 * 1024 };

struct run {
    struct sdk_json *writer;
    struct buffer input;   /* bytes read and not yet taken; all of a line, however long */
    struct buffer output;  /* to be written to standard output */
    struct buffer letters; /* to be written to letters_fd */
    int letters_fd;
    const char *letters_name;
    uint64_t lines, refused[BAD_REASONS];
};

static const char help[] =
    "usage: shoplane parse [--dead-letters FILE] [INPUT...]\n"
    "\n"
    "Reads Snowplow enriched events, one line of 131 tab-separated columns each, from the INPUT files (\"-\" or none:\n"
    "standard input), and prints each as one line of JSON, as Snowplow's Python analytics SDK gives it without\n"
    "geo_location. A line that can't be parsed becomes a dead letter, whole and with the reason: a Snowplow bad row\n"
    "(loader_parsing_error), one line of JSON. At the end both are counted on standard error.\n"
    "\n"
    "  --dead-letters FILE  where dead letters go; the file is overwritten (default: standard error)\n"
    "  --help               this text\n"
    "\n"
    "status: 0 all input was read, 1 a file can't be read or written, 2 wrong arguments\n";

/* Write all and empty the buffer. `name` is for the error. */
static bool write_all(int fd, struct buffer *buffer, const char *name, struct error *error)
{
    size_t done = 0;
    while (done < buffer->size) {
        ssize_t size = write(fd, buffer->data + done, buffer->size - done);
        if (size >= 0) {
            done += (size_t)size;
        } else if (errno == EAGAIN) { /* a terminal or socket that somebody else made non-blocking */
            struct pollfd wait = {.fd = fd, .events = POLLOUT};
            (void)poll(&wait, 1, -1);
        } else if (errno != EINTR) {
            error_what(error, "parse: %s can't be written, so the run stops here", name);
            error_found(error, "%s", strerror(errno));
            error_advice(error, "make room or check what reads it, then parse the input again");
            return false;
        }
    }
    buffer_reset(buffer);
    return true;
}

static bool flush(struct run *run, struct error *error)
{
    return write_all(STDOUT_FILENO, &run->output, "standard output", error) &&
           write_all(run->letters_fd, &run->letters, run->letters_name, error);
}

static bool line_take(struct run *run, sl_view line, struct error *error)
{
    struct bad_row bad;
    run->lines++;
    if (sdk_json_write(run->writer, line, &run->output, &bad)) {
        buffer_byte(&run->output, '\n');
    } else {
        run->refused[bad.reason]++;
        bad_row_write(&bad, line, SHOPLANE_VERSION, &run->letters);
        buffer_byte(&run->letters, '\n');
    }
    if (run->output.size >= WRITE_SIZE || run->letters.size >= WRITE_SIZE)
        return flush(run, error);
    return true;
}

/* Take every whole line of the input, of which `seen` bytes are known to have no newline, and keep what is left. */
static bool lines_take(struct run *run, size_t seen, struct error *error)
{
    struct buffer *input = &run->input;
    size_t start = 0;
    for (;;) {
        size_t from = start > seen ? start : seen;
        const char *newline = memchr(input->data + from, '\n', input->size - from);
        if (newline == NULL)
            break;
        size_t stop = (size_t)(newline - input->data);
        if (!line_take(run, (sl_view){input->data + start, stop - start}, error))
            return false;
        start = stop + 1;
    }
    if (start > 0) {
        memmove(input->data, input->data + start, input->size - start);
        input->size -= start;
    }
    return true;
}

static bool input_read(struct run *run, int fd, const char *name, struct error *error)
{
    struct buffer *input = &run->input;
    buffer_reset(input);
    for (;;) {
        if (input->capacity - input->size < READ_SIZE)
            buffer_grow(input, READ_SIZE);
        ssize_t size = read(fd, input->data + input->size, input->capacity - input->size);
        if (size == 0)
            break;
        if (size < 0) {
            if (errno == EINTR)
                continue;
            if (errno == EAGAIN) {
                struct pollfd wait = {.fd = fd, .events = POLLIN};
                (void)poll(&wait, 1, -1);
                continue;
            }
            error_what(error, "parse: %s can't be read", name);
            error_found(error, "%s", strerror(errno));
            return false;
        }
        size_t seen = input->size;
        input->size += (size_t)size;
        if (!lines_take(run, seen, error) || !flush(run, error))
            return false;
    }
    if (input->size > 0 && !line_take(run, (sl_view){input->data, input->size}, error))
        return false;
    return flush(run, error);
}

static bool input_file_read(struct run *run, const char *path, struct error *error)
{
    if (strcmp(path, "-") == 0)
        return input_read(run, STDIN_FILENO, "standard input", error);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        error_what(error, "parse: \"%s\" can't be opened", path);
        error_found(error, "%s", strerror(errno));
        error_advice(error, "check the path; what the files before it hold has been parsed");
        return false;
    }
    bool done = input_read(run, fd, path, error);
    (void)close(fd);
    return done;
}

/* Open and empty the file for dead letters, unless it is one of the inputs. -1: *error says why. */
static int letters_open(const char *path, char **inputs, struct error *error)
{
    struct stat file, input;
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0 || fstat(fd, &file) != 0) {
        error_what(error, "parse: the file for dead letters can't be opened, so nothing was parsed");
        error_found(error, "%s: %s", path, strerror(errno));
        error_advice(error, "name a file in a folder that exists and that you may write to");
        if (fd >= 0)
            (void)close(fd);
        return -1;
    }
    if (!S_ISREG(file.st_mode))
        return fd;
    for (size_t i = 0; i == 0 || inputs[i - 1] != NULL; i++) { /* one round more than inputs: for standard input */
        int found =
            inputs[i] == NULL || strcmp(inputs[i], "-") == 0 ? fstat(STDIN_FILENO, &input) : stat(inputs[i], &input);
        if (found == 0 && input.st_dev == file.st_dev && input.st_ino == file.st_ino) {
            error_what(error, "parse: dead letters would overwrite the input, so nothing was parsed");
            error_found(error, "%s is read and written", path);
            error_advice(error, "name another file with --dead-letters");
            (void)close(fd);
            return -1;
        }
    }
    if (ftruncate(fd, 0) != 0) {
        error_what(error, "parse: the file for dead letters can't be emptied, so nothing was parsed");
        error_found(error, "%s: %s", path, strerror(errno));
        (void)close(fd);
        return -1;
    }
    return fd;
}

static void count_print(const struct run *run)
{
    uint64_t letters = 0;
    for (int i = 0; i < BAD_REASONS; i++)
        letters += run->refused[i];
    fprintf(stderr, "shoplane: parse: %" PRIu64 " lines read, %" PRIu64 " parsed, %" PRIu64 " dead letters", run->lines,
            run->lines - letters, letters);
    const char *before = " (";
    for (int i = 0; i < BAD_REASONS; i++) {
        if (run->refused[i] == 0)
            continue;
        fprintf(stderr, "%s%s %" PRIu64, before, bad_reason_word((enum bad_reason)i), run->refused[i]);
        before = ", ";
    }
    fprintf(stderr, letters > 0 ? ")\n" : "\n");
}

int command_parse(int argc, char **argv)
{
    static const struct option options[] = {
        {"dead-letters", required_argument, NULL, 'd'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    struct run run = {.letters_fd = STDERR_FILENO, .letters_name = "standard error"};
    struct error error = {{0}, {0}, {0}};
    const char *letters_path = NULL;
    (void)signal(SIGPIPE, SIG_IGN); /* a reader that has gone is an error like any other */
    opterr = 0;
    optind = 0; /* glibc: start afresh, whoever used getopt before */
    for (int option; (option = getopt_long(argc, argv, ":h", options, NULL)) != -1;) {
        switch (option) {
        case 'd': letters_path = optarg; break;
        case 'h': return fputs(help, stdout) == EOF || fflush(stdout) == EOF ? 1 : 0;
        default:
            return command_usage("parse", option == ':' ? "%s lacks its value" : "unknown option %s", argv[optind - 1]);
        }
    }
    char **inputs = argv + optind;
    if (letters_path != NULL) {
        run.letters_name = letters_path;
        run.letters_fd = letters_open(letters_path, inputs, &error);
        if (run.letters_fd < 0) {
            report_error(&error);
            return 1;
        }
    }
    run.writer = sdk_json_new();
    bool done = *inputs != NULL || input_file_read(&run, "-", &error);
    for (; done && *inputs != NULL; inputs++)
        done = input_file_read(&run, *inputs, &error);
    if (letters_path != NULL && close(run.letters_fd) != 0 && done) {
        error_what(&error, "parse: %s can't be written", letters_path);
        error_found(&error, "%s", strerror(errno));
        done = false;
    }
    count_print(&run);
    sdk_json_free(run.writer);
    buffer_free(&run.input);
    buffer_free(&run.output);
    buffer_free(&run.letters);
    if (!done)
        report_error(&error);
    return done ? 0 : 1;
}
