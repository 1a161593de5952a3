/* commands.h - the commands of shoplane-demo; argv[0] is the command's own name. Each returns the exit status. */
#ifndef DEMO_COMMANDS_H
#define DEMO_COMMANDS_H

int command_generate(int argc, char **argv);
int command_produce(int argc, char **argv);
int command_broker(int argc, char **argv);

#endif
