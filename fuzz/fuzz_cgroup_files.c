/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's files about cgroups, whatever is in them: an input is files, each begun by a line "== NAME".
   The linker puts the reading of files here. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "runtime/resctrl.h"
#include "sys/cgroup.h"
#include "sys/fd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int __wrap_mn_file_read(int dirfd, const char *name, size_t max, char **ret, size_t *ret_len);

static const char *files; /* of the input being tried */

/* The contents of the file with this name (its last component), or NULL. */
static char *find(const char *name) {
        const char *slash = strrchr(name, '/');
        name = slash ? slash + 1 : name;
        size_t len = strlen(name);
        for (const char *at = files; (at = strstr(at, "== ")); at += 3) {
                if ((at != files && at[-1] != '\n') || strncmp(at + 3, name, len) != 0 || at[3 + len] != '\n')
                        continue;
                const char *text = at + 4 + len, *end = strstr(text, "\n== ");
                return end ? mn_strndup(text, (size_t) (end + 1 - text)) : mn_strdup(text);
        }
        return NULL;
}

int __wrap_mn_file_read(int dirfd, const char *name, size_t max, char **ret, size_t *ret_len) {
        (void) dirfd;
        cleanup_free char *text = find(name);
        if (!text || strlen(text) > max)
                return text ? -EFBIG : -ENOENT;
        if (ret_len)
                *ret_len = strlen(text);
        *ret = MN_TAKE(text);
        return 0;
}

static int empty_dir(void) {
        char path[] = "/tmp/minato-fuzz-XXXXXX";
        if (!mkdtemp(path))
                return -1;
        int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        rmdir(path);
        return fd;
}

static void read_all(bool is_v2, int dir) {
        mn_cgroup cg = { .mode = is_v2 ? MN_CGROUP_V2 : MN_CGROUP_V1, .len = 1 };
        cg.dirs[0] = (mn_cgroup_dir){ .controllers = ~0U, .is_v2 = is_v2, .fd = dir, .key = "x" };
        mn_cgroup_stats stats = { 0 };
        if (mn_cgroup_read_stats(&cg, &stats) == 0)
                mn_cgroup_stats_release(&stats);
        mn_cgroup_oom_kills(&cg);
        mn_cgroup_is_frozen(&cg);
        mn_pid_list pids = { 0 };
        if (mn_cgroup_pids(&cg, &pids) == 0)
                for (size_t i = 0; i < pids.len; i++)
                        if (pids.items[i] <= 0)
                                abort();
        mn_vec_release(&pids);
}

static void read_host(void) {
        mn_cgroup_host host;
        int r = mn_cgroup_host_init(&host);
        if (host.len > MN_CGROUP_MAX_HIERARCHIES || (r == 0) != (host.len > 0))
                abort();
        mn_cgroup cg;
        if (r == 0 && mn_cgroup_open_pid(&host, 1, "", &cg) == 0)
                mn_cgroup_release(&cg);
        mn_cgroup_host_release(&host);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static int dir = -1;
        if (dir < 0)
                dir = empty_dir();
        cleanup_free char *text = mn_strndup((const char *) data, size);
        files = text;
        read_host();
        read_all(true, dir);
        read_all(false, dir);
        free(resctrl_mount());
        return 0;
}
