#include "failure.h"

#include <stdarg.h>
#include <stdio.h>

int failure_set(struct failure *failure, int error, const char *path, const char *step, ...)
{
	va_list values;
	failure->error = error;
	va_start(values, step);
	(void)vsnprintf(failure->step, sizeof(failure->step), step, values);
	va_end(values);
	(void)snprintf(failure->path, sizeof(failure->path), "%s", path);
	return -1;
}
