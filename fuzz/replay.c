/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target over stored inputs: files, and the files of directories named on the command line. */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static int replay_file(int dirfd, const char *name) {
        struct stat st;
        int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
                if (fd >= 0)
                        close(fd);
                return 0;
        }
        uint8_t *data = malloc((size_t) st.st_size + 1);
        ssize_t len = data ? read(fd, data, (size_t) st.st_size) : -1;
        if (len >= 0)
                LLVMFuzzerTestOneInput(data, (size_t) len);
        free(data);
        close(fd);
        return len >= 0;
}

int main(int argc, char **argv) {
        int count = 0;
        for (int i = 1; i < argc; i++) {
                DIR *dir = opendir(argv[i]);
                if (!dir) {
                        count += replay_file(AT_FDCWD, argv[i]);
                        continue;
                }
                for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
                        count += replay_file(dirfd(dir), entry->d_name);
                closedir(dir);
        }
        printf("%d inputs replayed\n", count);
        return count == 0;
}
