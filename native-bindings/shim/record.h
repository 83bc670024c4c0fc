/* The exit record, as daemon/shim/messages.ts says it. */
#pragma once

#include "kernel.h"

struct exit_record {
	uint64_t code;
	uint64_t signal;
	uint64_t ended_at; /* ns since 1970 */
	uint64_t oom_kills;
};

/*
 * Temporary file, rename: there is a whole one or none, whichever process ends when. Not fsync, which would keep everybody
 * who waits for the end waiting for the disk: only where the host itself goes down may the record be missing or not be one,
 * and then the end is unknown, as it is for what ran until then. The daemon's registry promises no more of an end that it
 * has committed (synchronous=NORMAL). 0, or -1.
 */
int record_write(const char *path, const struct exit_record *record);
/* N of the line "oom_kill N" of a control group's file; 0 where it cannot be read. */
uint64_t record_read_oom_kills(const char *path);
