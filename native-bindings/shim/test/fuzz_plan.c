/* libFuzzer entry: any bytes are parsed and, where they are a plan, printed. Built and run by scripts/fuzz.ts. */
#include "launch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct failure failure = { .operation = -1 };
	char *printed = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&printed, &length);
	if (out == NULL)
		return 0;
	/* A copy of exactly this size, so that one byte past it is seen. */
	uint8_t *copy = malloc(size == 0 ? 1 : size);
	if (copy != NULL) {
		memcpy(copy, bytes, size);
		if (plan_dump(copy, size, out, &failure) != 0 && failure.step[0] == 0)
			abort();
	}
	free(copy);
	(void)fclose(out);
	free(printed);
	return 0;
}
