/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/process.h"

#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "sys/file.h"

/* Standard descriptors must be taken: a socket that got number 0 to 2 would be written to by every message.
 */
static void occupy_standard_fds(void) {
        int fd;
        do
                fd = open("/dev/null", O_RDWR);
        while (fd >= 0 && fd <= STDERR_FILENO);
        if (fd > STDERR_FILENO)
                close(fd);
}

static void raise_descriptor_limit(void) {
        struct rlimit limit;
        if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= limit.rlim_max)
                return;
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
                mn_log(MN_LOG_WARN, "cannot raise the limit on open files", "%s", "");
}

void process_prepare(void) {
        enum { MAX_ARENAS = 2, TRIM_THRESHOLD = 128 * 1024 };
        occupy_standard_fds();
        umask(022);
        signal(SIGPIPE, SIG_IGN);
        mallopt(M_ARENA_MAX, MAX_ARENAS); /* a heap per thread would cost more than it saves here */
        mallopt(M_TRIM_THRESHOLD, TRIM_THRESHOLD);
        raise_descriptor_limit();
        (void) mn_file_put(AT_FDCWD, "/proc/self/oom_score_adj", "-500");
        /* Shims whose parent thread ends stay in our care rather than init's. */
        prctl(PR_SET_CHILD_SUBREAPER, 1);
}
