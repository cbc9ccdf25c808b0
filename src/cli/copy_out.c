/* SPDX-License-Identifier: Apache-2.0 */
/* From a container: a tar stream, unpacked below one directory that nothing in it can leave. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "cli/copy.h"
#include "codec/tar.h"
#include "sys/fd.h"
#include "sys/path.h"

typedef struct unpacker {
        int root;         /* the directory everything lands in */
        const char *base; /* new name of the first component; NULL: as it is */
        bool keeps_owner;
        int file; /* being written; -1: none */
        struct timespec mtime;
        mn_arena *arena;
} unpacker;

/* The entry's path here: its first component renamed; "" for the directory itself. */
static const char *local_name(unpacker *u, const char *path) {
        while (*path == '/')
                path++;
        size_t first = strcspn(path, "/");
        const char *rest = path + first + (path[first] == '/');
        bool is_dot = first == 1 && *path == '.';
        if (!u->base && !is_dot)
                return path;
        if (!u->base)
                return rest;
        return *rest ? mn_arena_printf(u->arena, "%s/%s", u->base, rest) : u->base;
}

/* Opens the directory that holds the entry. */
static int open_parent(unpacker *u, const char *path, const char **ret_name) {
        size_t end = strlen(path);
        while (end > 0 && path[end - 1] == '/')
                end--;
        const char *clean = mn_arena_strndup(u->arena, path, end);
        *ret_name = copy_base(u->arena, clean);
        if (strcmp(*ret_name, "..") == 0 || strcmp(*ret_name, ".") == 0 || strcmp(*ret_name, "/") == 0)
                return -EXDEV;
        return mn_open_beneath(u->root, copy_parent(u->arena, clean), O_PATH | O_DIRECTORY, 0);
}

static int make_link(unpacker *u, const mn_tar_entry *e, int parent, const char *name) {
        const char *target_name;
        cleanup_close int target = open_parent(u, local_name(u, e->link), &target_name);
        if (target < 0)
                return target;
        return linkat(target, target_name, parent, name, 0) < 0 ? -errno : 0;
}

/* Something else of that name gives way, but never a directory. */
static int clear_way(int parent, const char *name) {
        return unlinkat(parent, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

static int take_owner(const unpacker *u, const mn_tar_entry *e, int parent, const char *name) {
        return u->keeps_owner && fchownat(parent, name, e->uid, e->gid, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int make_dir(const mn_tar_entry *e, int parent, const char *name) {
        if (mkdirat(parent, name, 0700) < 0 && errno != EEXIST)
                return -errno;
        cleanup_close int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        return fchmod(fd, e->mode & 07777) < 0 ? -errno : 0;
}

static int take_entry(void *arg, const mn_tar_entry *e) {
        unpacker *u = arg;
        const char *path = local_name(u, e->path), *name;
        if (!*path)
                return 0;
        cleanup_close int parent = open_parent(u, path, &name);
        int r = parent < 0 ? parent : e->type == MN_TAR_DIR ? 0 : clear_way(parent, name);
        if (r < 0)
                return r;
        switch (e->type) {
        case MN_TAR_DIR:
                r = make_dir(e, parent, name);
                break;
        case MN_TAR_FILE:
                u->file = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                                 e->mode & 07777);
                u->mtime = (struct timespec){ e->mtime_sec, e->mtime_nsec };
                r = u->file < 0 || fchmod(u->file, e->mode & 07777) < 0 ? -errno : 0;
                break;
        case MN_TAR_SYMLINK:
                r = symlinkat(e->link, parent, name) < 0 ? -errno : 0;
                break;
        case MN_TAR_HARDLINK:
                return make_link(u, e, parent, name);
        case MN_TAR_FIFO:
                r = mknodat(parent, name, S_IFIFO | (e->mode & 07777), 0) < 0 ? -errno : 0;
                break;
        case MN_TAR_CHAR:
        case MN_TAR_BLOCK_DEVICE:
                return -EPERM; /* no device of a container is made here */
        }
        return r < 0 ? r : take_owner(u, e, parent, name);
}

static int take_data(void *arg, const void *data, size_t len) {
        return mn_write_all(((unpacker *) arg)->file, data, len);
}

static int take_end(void *arg) {
        unpacker *u = arg;
        const struct timespec times[] = { u->mtime, u->mtime };
        if (u->file >= 0)
                futimens(u->file, times);
        u->file = mn_close(u->file);
        return 0;
}

static mn_status unpack(client_stream *stream, unpacker *u, int64_t *ret_bytes, mn_err *err) {
        static const mn_tar_handler handler = { take_entry, take_data, take_end };
        cleanup_tar_reader mn_tar_reader *reader = mn_tar_reader_new(&handler, u);
        cleanup_free char *buf = mn_alloc(64 << 10);
        ssize_t n;
        int r = 0;
        while ((n = client_stream_read(stream, buf, 64 << 10)) > 0 && r >= 0) {
                *ret_bytes += n;
                r = mn_tar_reader_feed(reader, buf, (size_t) n);
        }
        r = n < 0 ? (int) n : r < 0 ? r : mn_tar_reader_finish(reader);
        mn_close(u->file);
        if (r >= 0)
                return MN_OK;
        const char *problem = mn_tar_reader_problem(reader);
        return *problem ? mn_fail(err, MN_INTERNAL, "the daemon's archive: %s", problem)
                        : mn_fail_errno(err, r, "cannot unpack");
}

/* Directory and new name for the source at `local`, by Docker's rules. */
static mn_status place(cli *c, const char *local, const copy_stat *source, const char **ret_dir,
                       const char **ret_base, mn_err *err) {
        struct stat st;
        size_t len = strlen(local);
        bool exists = stat(local, &st) == 0;
        *ret_dir = local;
        *ret_base = NULL;
        if (exists && S_ISDIR(st.st_mode))
                return MN_OK;
        if (exists && source->is_dir)
                return mn_fail(err, MN_INVALID, "cannot copy directory");
        *ret_dir = copy_parent(c->arena, local);
        *ret_base = copy_base(c->arena, local);
        if (stat(*ret_dir, &st) < 0 || !S_ISDIR(st.st_mode))
                return mn_fail(err, MN_INVALID, "invalid output path: directory \"%s\" does not exist",
                               *ret_dir);
        if (!exists && len && local[len - 1] == '/' && !source->is_dir)
                return mn_fail(err, MN_INVALID, "no such directory");
        return MN_OK;
}

static mn_status copy_stream(client_stream *stream, mn_err *err) {
        char buf[32 << 10];
        for (;;) {
                ssize_t n = client_stream_read(stream, buf, sizeof(buf));
                int r = n <= 0 ? (int) n : mn_write_all(STDOUT_FILENO, buf, (size_t) n);
                if (r < 0)
                        return mn_fail_errno(err, r, "cannot copy");
                if (n == 0)
                        return MN_OK;
        }
}

mn_status copy_from_container(cli *c, const copy_spec *spec, int64_t *ret_bytes, mn_err *err) {
        cleanup_str mn_str target = MN_STR_INIT(0);
        cleanup_stream client_stream *stream = NULL;
        client *peer;
        copy_stat source;
        const char *path = spec->path, *dir;
        mn_status status = cli_client(c, &peer, err);
        if (!status && spec->follows_link) {
                status = copy_stat_path(c, spec->container, path, &source, err);
                if (!status && source.is_link)
                        path = *source.link_target == '/'
                                       ? source.link_target
                                       : mn_arena_printf(c->arena, "%s/%s", copy_parent(c->arena, path),
                                                         source.link_target);
        }
        mn_str_add(&target, cli_target(c, "/containers", spec->container, "/archive"));
        client_add_query(&target, "path", path);
        const client_request request = { .method = "GET", .target = mn_str_text(&target) };
        if (!status)
                status = client_stream_open(peer, &request, &stream, err);
        if (status || strcmp(spec->local, "-") == 0)
                return status ? status : copy_stream(stream, err);
        unpacker u = { .file = -1, .keeps_owner = spec->keeps_owner, .arena = c->arena };
        status = copy_parse_stat(c, client_stream_header(stream, "X-Docker-Container-Path-Stat"), &source,
                                 err);
        if (!status)
                status = place(c, spec->local, &source, &dir, &u.base, err);
        if (!status && path != spec->path && !u.base)
                u.base = copy_base(c->arena, spec->path); /* the link's name, its target's contents */
        if (status)
                return status;
        cleanup_close int root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (root < 0)
                return mn_fail_errno(err, -errno, "%s", dir);
        u.root = root;
        return unpack(stream, &u, ret_bytes, err);
}
