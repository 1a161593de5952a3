/* parse.h - `shoplane parse`: enriched events in, the JSON of Snowplow's analytics SDK out (see snowplow/sdk_json.h). */
#ifndef CLI_PARSE_H
#define CLI_PARSE_H

/* The command: argv[0] is "parse", argv[argc] is NULL. Reads lines from the files named, else from standard input, until
 * their end; returns the status to exit with: 0 also if lines were refused, 1 if a file could not be read or written, 2 if
 * the arguments make no sense. Prints what a person has to know on standard error. */
int command_parse(int argc, char **argv);

#endif
