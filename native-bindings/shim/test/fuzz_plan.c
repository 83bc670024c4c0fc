/*
 * libFuzzer entry: any bytes are parsed and, where they are a plan, printed.
 *
 *     clang -std=c17 -D_GNU_SOURCE -g -fsanitize=fuzzer,address,undefined -Ibuild/shim -Inative-bindings/shim \
 *         native-bindings/shim/test/fuzz_plan.c native-bindings/shim/{plan,failure,wire}.c -o fuzz_plan
 *
 * Without clang, -DFUZZ_STANDALONE and gcc make a program that takes files as its inputs, and mutates each of them
 * a number of times of its own.
 */
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

#ifdef FUZZ_STANDALONE
#define MUTATIONS 20000

static void mutate(const uint8_t *bytes, size_t size)
{
	uint8_t *changed = malloc(size + 1);
	if (changed == NULL)
		exit(EXIT_FAILURE);
	for (int round = 0; round < MUTATIONS; round++) {
		memcpy(changed, bytes, size);
		for (long left = random() % 4; left >= 0 && size > 0; left--)
			changed[(size_t)random() % size] = (uint8_t)random();
		(void)LLVMFuzzerTestOneInput(changed, size == 0 ? 0 : size - (random() % 3 == 0 ? (size_t)random() % size : 0));
	}
	free(changed);
}

int main(int argc, char **argv)
{
	static uint8_t bytes[1 << 20];
	for (int i = 1; i < argc; i++) {
		FILE *file = fopen(argv[i], "rb");
		if (file == NULL)
			return EXIT_FAILURE;
		size_t size = fread(bytes, 1, sizeof(bytes), file);
		(void)fclose(file);
		mutate(bytes, size);
	}
	return EXIT_SUCCESS;
}
#endif
