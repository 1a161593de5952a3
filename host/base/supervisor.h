/* supervisor.h - what systemd is told by the process that it started (Type=notify): sd_notify(3), which is one datagram and so no
 * reason to link libsystemd.
 *
 * Where nobody asked to be told ($NOTIFY_SOCKET) nothing happens. Never waits. Any thread. */
#ifndef BASE_SUPERVISOR_H
#define BASE_SUPERVISOR_H

/* "READY=1", "STOPPING=1"; several lines are one message. */
void supervisor_tell(const char *lines);

/* The process gets on: said as often as the unit's WatchdogSec wants it ($WATCHDOG_USEC), however often this is called. One thread. */
void supervisor_alive(void);

#endif
