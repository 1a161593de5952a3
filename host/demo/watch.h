/* watch.h - the command `shoplane-demo watch`; argv[0] is the command's own name. Returns the exit status. */
#ifndef DEMO_WATCH_H
#define DEMO_WATCH_H

int command_watch(int argc, char **argv);

#endif
