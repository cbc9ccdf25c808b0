/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target over every file of the directories named, so that what a fuzzer once found stays fixed.
   Fails when there is none: a test that ran nothing is not a test. */

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *dir, const char *name) {
        char path[4096];
        snprintf(path, sizeof(path), "%s/%s", dir, name);
        FILE *f = fopen(path, "rb");
        if (!f)
                return 0;
        size_t cap = 1 << 20, size = 0, n;
        uint8_t *data = malloc(cap);
        while ((n = fread(data + size, 1, cap - size, f)) > 0) {
                size += n;
                if (size == cap)
                        data = realloc(data, cap *= 2);
        }
        fclose(f);
        uint8_t *exact = malloc(size ? size : 1); /* so that a sanitizer sees one byte too far */
        for (size_t i = 0; i < size; i++)
                exact[i] = data[i];
        free(data);
        LLVMFuzzerTestOneInput(exact, size);
        free(exact);
        return 1;
}

int main(int argc, char **argv) {
        int replayed = 0;
        for (int i = 1; i < argc; i++) {
                DIR *dir = opendir(argv[i]);
                for (struct dirent *e; dir && (e = readdir(dir));)
                        if (e->d_name[0] != '.')
                                replayed += replay(argv[i], e->d_name);
                if (dir)
                        closedir(dir);
        }
        printf("replayed %d inputs\n", replayed);
        return replayed ? 0 : 1;
}
