/*
 * replay-main.c - runs a fuzz target over every file of its corpus, so that each crash ever
 * found stays found in every test run, without libFuzzer.
 */
#include "base/arena.h"
#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv)
{
    struct arena *arena = arena_new(64u * 1024 * 1024);
    unsigned long files = 0;

    if (arena == NULL) {
        return 4;
    }
    for (int i = 1; i < argc; i++) {
        const char **names = NULL;

        if (file_list(arena, argv[i], NULL, &names) != ERR_OK) {
            fprintf(stderr, "%s: no corpus folder\n", argv[i]);
            arena_free(arena);
            return 1;
        }
        for (; *names != NULL; names++) {
            struct span bytes = {0};
            const char *path = arena_printf(arena, "%s/%s", argv[i], *names);
            /* A heap copy of exactly this size, so that AddressSanitizer sees the end. */
            uint8_t *copy;

            if (file_read(arena, path, 16u * 1024 * 1024, NULL, &bytes) != ERR_OK) {
                continue;
            }
            copy = malloc(bytes.len == 0 ? 1 : bytes.len);
            if (copy != NULL) {
                memcpy(copy, bytes.data, bytes.len);
                LLVMFuzzerTestOneInput(copy, bytes.len);
                free(copy);
                files++;
            }
        }
    }
    arena_free(arena);
    printf("%lu corpus files replayed\n", files);
    return files > 0 ? 0 : 1;
}
