/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/context.h"
#include "codec/tar.h"
#include "sys/fd.h"
#include "sys/file.h"

enum { MAX_ARCHIVE = 10 << 20, MOST_FILES = 64 };

/* An archive being read. */
typedef struct reading {
        cli *c;
        mn_err *err;
        mn_str document; /* meta.json */
        mn_str data;     /* of the file that is being read */
        bool is_document;
        context_files files;
} reading;

/* Only what Docker writes: meta.json and tls/ENDPOINT/FILE, in their plain form. */
static int check_path(reading *r, const char *path, bool is_dir) {
        const char *last = strrchr(path, '/');
        if (strcmp(path, "meta.json") == 0 && !is_dir)
                return 0;
        if (strncmp(path, "tls/", 4) != 0 && !(is_dir && strcmp(path, "tls") == 0)) {
                (void) mn_fail(r->err, MN_INVALID, "%s: unexpected context file", path);
                return -EINVAL;
        }
        if (strstr(path, "//") || strstr(path, "/./") || strstr(path, "/../") || strchr(path, '\\') ||
            (last && (strcmp(last, "/..") == 0 || strcmp(last, "/.") == 0))) {
                (void) mn_fail(r->err, MN_INVALID, "%s: unexpected path format", path);
                return -EINVAL;
        }
        return 0;
}

static int take_entry(void *arg, const mn_tar_entry *entry) {
        reading *r = arg;
        int result = check_path(r, entry->path, entry->type == MN_TAR_DIR);
        r->is_document = false;
        r->data.len = 0;
        if (result < 0 || entry->type == MN_TAR_DIR)
                return result;
        char *path = mn_arena_strdup(r->c->arena, entry->path);
        if (strcmp(path, "meta.json") == 0) {
                r->is_document = true;
                return 0;
        }
        char *endpoint = path + 4, *name = strchr(endpoint, '/');
        if (entry->type != MN_TAR_FILE || !name || !name[1] || strchr(name + 1, '/') ||
            r->files.len == MOST_FILES) {
                (void) mn_fail(r->err, MN_INVALID, "archive format is invalid: %s", path);
                return -EINVAL;
        }
        *name = '\0';
        r->files.items[r->files.len++] = (context_file){ .endpoint = endpoint, .name = name + 1, .data = "" };
        return 0;
}

static int take_data(void *arg, const void *data, size_t len) {
        reading *r = arg;
        mn_str_add_len(r->is_document ? &r->document : &r->data, data, len);
        return 0;
}

static int end_entry(void *arg) {
        reading *r = arg;
        if (r->is_document || !r->files.len)
                return 0;
        context_file *file = &r->files.items[r->files.len - 1];
        file->len = r->data.len;
        file->data = mn_arena_strndup(r->c->arena, mn_str_text(&r->data), r->data.len);
        return 0;
}

static mn_status read_archive(reading *r, const char *archive, size_t len, mn_err *err) {
        static const mn_tar_handler handler = { take_entry, take_data, end_entry };
        cleanup_tar_reader mn_tar_reader *reader = mn_tar_reader_new(&handler, r);
        r->files.items = mn_arena_array(r->c->arena, MOST_FILES, sizeof(*r->files.items));
        if (len >= 4 && memcmp(archive, "PK\x03\x04", 4) == 0)
                return mn_fail(err, MN_NOT_IMPLEMENTED, "zip archives are not supported, only tar archives");
        int result = mn_tar_reader_feed(reader, archive, len);
        if (result == 0)
                result = mn_tar_reader_finish(reader);
        if (result < 0 && !err->message)
                return mn_fail(err, MN_INVALID, "archive/tar: invalid tar header");
        if (result < 0)
                return MN_INVALID;
        return r->document.len ? MN_OK : mn_fail(err, MN_INVALID, "invalid context: no metadata found");
}

static mn_status read_input(const char *path, char **ret, size_t *ret_len, mn_err *err) {
        cleanup_close int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
        int r = fd < 0 ? -errno : mn_file_read_fd(fd, MAX_ARCHIVE, ret, ret_len);
        return r < 0 ? mn_fail_errno(err, r, "open %s", path) : MN_OK;
}

static mn_status import(cli *c, const char *name, const char *archive, size_t len, mn_err *err) {
        reading r = { .c = c, .err = err };
        context x = context_at(c, name);
        const mn_json *document;
        mn_status status = read_archive(&r, archive, len, err);
        if (!status)
                status = mn_json_parse(c->arena, mn_str_text(&r.document), r.document.len, NULL, &document,
                                       err);
        if (!status && document->kind != MN_JSON_OBJECT)
                status = mn_fail(err, MN_INVALID, "meta.json is not an object");
        if (!status) {
                const context_change none = { 0 };
                x.document = context_document(c, name, document, &none);
                status = context_save(&x, &r.files, err);
        }
        mn_str_release(&r.document);
        mn_str_release(&r.data);
        return status;
}

static int run(cli *c, const void *parsed, char **args) {
        (void) parsed;
        cleanup_err mn_err err = { 0 };
        cleanup_free char *archive = NULL;
        size_t len = 0;
        const context x = context_at(c, args[0]);
        mn_status status = context_check_name(args[0], &err);
        if (!status && context_exists(&x))
                status = mn_fail(&err, MN_CONFLICT, "context \"%s\" already exists", args[0]);
        if (!status)
                status = read_input(args[1], &archive, &len, &err);
        if (!status)
                status = import(c, args[0], archive, len, &err);
        if (status)
                return cli_fail(&err);
        printf("%s\n", args[0]);
        fflush(stdout);
        fprintf(stderr, "Successfully imported context \"%s\"\n", args[0]);
        return CLI_EXIT_OK;
}

const cli_command context_import_command = {
        .usage = "CONTEXT FILE|-",
        .summary = "Import a context from a tar or zip file",
        .min_args = 2,
        .max_args = 2,
        .run = run,
};
