/* SPDX-License-Identifier: Apache-2.0 */
/* System containers: those whose first process is systemd. */

#include "container/system.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "sys/fd.h"
#include "sys/path.h"

static const char *base_name(const char *path) {
        const char *slash = strrchr(path, '/');
        return slash ? slash + 1 : path;
}

mn_status container_check_system(const wire_host_config *host, mn_err *err) {
        static const char *const values[] = { "true", "false", "always" };
        const char *value = mn_str_map_get(&host->annotations, CONTAINER_ANNOTATION_SYSTEMD);
        for (size_t i = 0; value && i < MN_ARRAY_LEN(values); i++)
                if (strcmp(value, values[i]) == 0)
                        return MN_OK;
        return value ? mn_fail(err, MN_INVALID,
                               "annotation " CONTAINER_ANNOTATION_SYSTEMD
                               ": \"%s\" is not true, false or always",
                               value)
                     : MN_OK;
}

/* The names under which systemd is started. "/sbin/init" may also be another init. */
static bool is_init_name(const char *path) {
        static const char *const names[] = { "/sbin/init", "/usr/sbin/init", "/usr/local/sbin/init",
                                             "/init" };
        for (size_t i = 0; i < MN_ARRAY_LEN(names); i++)
                if (strcmp(path, names[i]) == 0)
                        return true;
        return *path == '/' && strcmp(base_name(path), "systemd") == 0;
}

/* Where the link ends, in the container's root, is what will be executed. */
static bool leads_to_systemd(int root_fd, const char *path) {
        cleanup_close int fd = mn_open_in_root(root_fd, path, O_PATH, 0);
        char link[32], target[PATH_MAX];
        ssize_t n = fd < 0 ? -1 : readlink(mn_fd_path(fd, link), target, sizeof(target) - 1);
        if (n < 0)
                return false;
        target[n] = '\0';
        return strcmp(base_name(target), "systemd") == 0;
}

bool container_is_system(const container_record *r, const container_user *user, bool has_init, int root_fd) {
        const char *wanted = mn_str_map_get(&r->host_config.annotations, CONTAINER_ANNOTATION_SYSTEMD);
        if (mn_str_equal(wanted, "always"))
                return true;
        if (mn_str_equal(wanted, "false") || has_init || user->uid != 0 || root_fd < 0)
                return false;
        return !mn_str_is_empty(r->path) && is_init_name(r->path) && leads_to_systemd(root_fd, r->path);
}

const char *container_stop_signal(const container_record *r, pid_t pid) {
        const char *wanted = mn_str_map_get(&r->host_config.annotations, CONTAINER_ANNOTATION_SYSTEMD);
        if (!mn_str_is_empty(r->config.stop_signal))
                return r->config.stop_signal;
        char path[40], target[PATH_MAX];
        snprintf(path, sizeof(path), "/proc/%d/exe", (int) pid);
        ssize_t n = pid <= 0 || mn_str_equal(wanted, "false") ? -1
                                                              : readlink(path, target, sizeof(target) - 1);
        if (n < 0)
                return "SIGTERM";
        target[n] = '\0';
        return strcmp(base_name(target), "systemd") == 0 ? "SIGRTMIN+3" : "SIGTERM";
}
