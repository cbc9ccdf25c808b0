/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/resctrl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/strv.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/mounttable.h"
#include "sys/path.h"

#define DEFAULT_CLASS "/"

enum { MAX_SCHEMATA = 1 << 16 };

char *resctrl_mount(void) {
        cleanup_mount_table mn_mount_table mounts = { 0 };
        if (mn_mount_table_read(&mounts) < 0)
                return NULL;
        for (size_t i = 0; i < mounts.len; i++)
                if (strcmp(mounts.rows[i].type, "resctrl") == 0)
                        return mn_strdup(mounts.rows[i].path);
        return NULL;
}

static bool has_schemata(const oci_intel_rdt *rdt) {
        return (rdt->l3_cache_schema && *rdt->l3_cache_schema) ||
               (rdt->mem_bw_schema && *rdt->mem_bw_schema) || (rdt->schemata && *rdt->schemata);
}

/* Relative to the mount; the default class is its root. */
static const char *directory_of(const char *class) {
        return strcmp(class, DEFAULT_CLASS) == 0 ? "." : class;
}

static const char *given_class(const oci_intel_rdt *rdt) {
        return rdt->clos_id && *rdt->clos_id ? rdt->clos_id : NULL;
}

static mn_status check_line(const char *line, const char *field, mn_err *err) {
        return line && strchr(line, '\n')
                       ? mn_fail(err, MN_INVALID, "linux.intelRdt.%s: more than one line", field)
                       : MN_OK;
}

mn_status resctrl_check(const oci_intel_rdt *rdt, mn_err *err) {
        if (!rdt)
                return MN_OK;
        const char *class = given_class(rdt);
        if (class && strcmp(class, DEFAULT_CLASS) != 0 &&
            (strcmp(class, ".") == 0 || strcmp(class, "..") == 0 || strpbrk(class, "/\n")))
                return mn_fail(err, MN_INVALID, "linux.intelRdt.closID: \"%s\" is not a name", class);
        mn_status st = check_line(rdt->mem_bw_schema, "memBwSchema", err);
        for (char **line = rdt->schemata; st == MN_OK && line && *line; line++)
                st = check_line(*line, "schemata", err);
        if (st)
                return st;
        cleanup_free char *mount = resctrl_mount();
        return mount ? MN_OK
                     : mn_fail(err, MN_NOT_IMPLEMENTED,
                               "linux.intelRdt: no resctrl file system is mounted on this host");
}

/* The kernel pads the names in front: "    L3:0=7f0;1=1f". */
static bool same_line(const char *a, size_t a_len, const char *b, size_t b_len) {
        while (a_len && (*a == ' ' || *a == '\t'))
                a++, a_len--;
        return a_len == b_len && memcmp(a, b, a_len) == 0;
}

static bool shows(const char *text, const char *line) {
        for (const char *at = text; *at; at += strcspn(at, "\n"), at += *at == '\n')
                if (same_line(at, strcspn(at, "\n"), line, strlen(line)))
                        return true;
        return false;
}

static bool shows_all(const char *text, const char *lines) {
        for (const char *at = lines; at && *at; at += strcspn(at, "\n"), at += *at == '\n') {
                cleanup_free char *line = mn_strndup(at, strcspn(at, "\n"));
                if (*line && !shows(text, line))
                        return false;
        }
        return true;
}

/* An existing class must be what the configuration says. */
static mn_status compare(int group, const oci_intel_rdt *rdt, mn_err *err) {
        cleanup_free char *text = NULL;
        int r = mn_file_read(group, "schemata", MAX_SCHEMATA, &text, NULL);
        if (r < 0)
                return mn_fail_errno(err, r, "linux.intelRdt.closID: reading the schemata of \"%s\"",
                                     rdt->clos_id);
        bool is_same = shows_all(text, rdt->l3_cache_schema) && shows_all(text, rdt->mem_bw_schema);
        for (char **line = rdt->schemata; line && *line; line++)
                is_same &= shows_all(text, *line);
        return is_same ? MN_OK
                       : mn_fail(err, MN_CONFLICT, "linux.intelRdt.schemata: class \"%s\" exists with others",
                                 rdt->clos_id);
}

static mn_status put_schema(int group, const char *text, const char *field, mn_err *err) {
        if (!text || !*text)
                return MN_OK;
        cleanup_free char *line = mn_asprintf("%s\n", text);
        int r = mn_file_put(group, "schemata", line);
        return r < 0 ? mn_fail_errno(err, r, "linux.intelRdt.%s: \"%s\"", field, text) : MN_OK;
}

/* In the specification's order: cache, bandwidth, then the general list. */
static mn_status put_schemata(int group, const oci_intel_rdt *rdt, mn_err *err) {
        mn_status st = put_schema(group, rdt->l3_cache_schema, "l3CacheSchema", err);
        if (st == MN_OK)
                st = put_schema(group, rdt->mem_bw_schema, "memBwSchema", err);
        if (st || !rdt->schemata || !*rdt->schemata)
                return st;
        cleanup_str mn_str all = MN_STR_INIT(MAX_SCHEMATA);
        for (char **line = rdt->schemata; *line; line++)
                mn_str_printf(&all, "%s%s", all.len ? "\n" : "", *line);
        int r = mn_str_error(&all);
        return r < 0 ? mn_fail_errno(err, r, "linux.intelRdt.schemata")
                     : put_schema(group, mn_str_text(&all), "schemata", err);
}

static mn_status put_pid(int group, pid_t pid, mn_err *err) {
        char text[16];
        snprintf(text, sizeof(text), "%d", (int) pid);
        int r = mn_file_put(group, "tasks", text);
        return r < 0 ? mn_fail_errno(err, r, "linux.intelRdt: adding the process") : MN_OK;
}

static mn_status monitor(int group, const char *id, pid_t pid, mn_err *err) {
        cleanup_free char *path = mn_asprintf("mon_groups/%s", id);
        if (mkdirat(group, path, 0755) < 0)
                return mn_fail_errno(err, -errno, "linux.intelRdt.enableMonitoring: making the group");
        cleanup_close int fd = openat(group, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? mn_fail_errno(err, -errno, "linux.intelRdt.enableMonitoring") : put_pid(fd, pid, err);
}

mn_status resctrl_apply(const char *mount, const oci_intel_rdt *rdt, const char *id, pid_t pid, mn_err *err) {
        const char *class = given_class(rdt);
        const char *name = directory_of(class ? class : id);
        cleanup_close int root = open(mount, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (root < 0)
                return mn_fail_errno(err, -errno, "linux.intelRdt: \"%s\"", mount);
        bool may_make = !class || has_schemata(rdt);
        bool is_new = may_make && mkdirat(root, name, 0755) == 0;
        if (may_make && !is_new && errno != EEXIST)
                return mn_fail_errno(err, -errno, "linux.intelRdt: making class \"%s\"", name);
        if (!class && !is_new)
                return mn_fail(err, MN_CONFLICT, "linux.intelRdt: class \"%s\" exists already", name);
        cleanup_close int group = openat(root, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (group < 0)
                return mn_fail_errno(err, -errno, "linux.intelRdt.closID: \"%s\"", name);
        mn_status st = is_new              ? put_schemata(group, rdt, err)
                       : has_schemata(rdt) ? compare(group, rdt, err)
                                           : MN_OK;
        if (st == MN_OK)
                st = put_pid(group, pid, err);
        if (st == MN_OK && rdt->enable_monitoring)
                st = monitor(group, id, pid, err);
        if (st)
                resctrl_remove(mount, rdt, id);
        if (st && is_new)
                unlinkat(root, name, AT_REMOVEDIR);
        return st;
}

void resctrl_remove(const char *mount, const oci_intel_rdt *rdt, const char *id) {
        const char *class = given_class(rdt);
        cleanup_close int root = open(mount, O_PATH | O_DIRECTORY | O_CLOEXEC);
        cleanup_close int group = root < 0 ? -1
                                           : openat(root, directory_of(class ? class : id),
                                                    O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (group < 0)
                return;
        if (rdt->enable_monitoring) {
                cleanup_free char *path = mn_asprintf("mon_groups/%s", id);
                unlinkat(group, path, AT_REMOVEDIR);
        }
        if (!class)
                unlinkat(root, id, AT_REMOVEDIR);
}
