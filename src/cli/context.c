/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/context.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "cli/document.h"
#include "cli/text.h"
#include "codec/sha256.h"
#include "sys/file.h"

enum { MAX_FILE = 10 << 20 };

#define ENDPOINT "docker"

mn_status context_check_name(const char *name, mn_err *err) {
        size_t len = strlen(name);
        if (strcmp(name, CONTEXT_DEFAULT) == 0)
                return mn_fail(err, MN_INVALID, "\"" CONTEXT_DEFAULT "\" is a reserved context name");
        bool is_good = len >= 2 && isalnum((unsigned char) *name);
        for (const char *s = name; is_good && *s; s++)
                is_good = isalnum((unsigned char) *s) || strchr("_.+-", *s);
        return is_good ? MN_OK
                       : mn_fail(err, MN_INVALID,
                                 "context name \"%s\" is invalid, names are validated against regexp "
                                 "\"^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$\"",
                                 name);
}

context context_at(cli *c, const char *name) {
        char hash[MN_SHA256_TEXT_SIZE];
        mn_sha256_text(name, strlen(name), hash);
        return (context){
                .name = name,
                .meta_dir = mn_arena_printf(c->arena, "%s/contexts/meta/%s", c->globals.config_dir, hash),
                .tls_dir = mn_arena_printf(c->arena, "%s/contexts/tls/%s", c->globals.config_dir, hash)
        };
}

static mn_status read_document(cli *c, const char *path, const mn_json **ret, mn_err *err) {
        char *text = NULL;
        size_t len;
        const mn_json_limits limits = { .allows_duplicate_keys = true };
        int r = mn_file_read(AT_FDCWD, path, MAX_FILE, &text, &len);
        cleanup_free char *owned = text;
        if (r < 0)
                return mn_fail_errno(err, r, "open %s", path);
        mn_status status = mn_json_parse(c->arena, text, len, &limits, ret, err);
        if (!status && (*ret)->kind != MN_JSON_OBJECT)
                status = mn_fail(err, MN_INVALID, "not an object");
        return status ? mn_err_prefix(err, status, "parsing %s", path) : MN_OK;
}

mn_status context_load(cli *c, const char *name, context *ret, mn_err *err) {
        context x = context_at(c, name);
        const char *path = mn_arena_printf(c->arena, "%s/meta.json", x.meta_dir);
        mn_status status = read_document(c, path, &x.document, err);
        if (status)
                return mn_err_prefix(err, status,
                                     status == MN_NOT_FOUND ? "context \"%s\": context not found"
                                                            : "context \"%s\"",
                                     name);
        *ret = x;
        return MN_OK;
}

bool context_exists(const context *x) {
        cleanup_free char *path = mn_asprintf("%s/meta.json", x->meta_dir);
        return access(path, F_OK) == 0;
}

static int by_name(const void *a, const void *b) {
        return text_compare(((const context *) a)->name, ((const context *) b)->name);
}

mn_status context_list(cli *c, context **ret, size_t *ret_len, mn_err *err) {
        enum { MOST = 4096 };
        const char *folder = mn_arena_printf(c->arena, "%s/contexts/meta", c->globals.config_dir);
        context *list = mn_arena_array(c->arena, MOST, sizeof(*list));
        size_t len = 0;
        *ret = list;
        *ret_len = 0;
        DIR *dir = opendir(folder);
        if (!dir)
                return errno == ENOENT ? MN_OK : mn_fail_errno(err, -errno, "open %s", folder);
        for (const struct dirent *e; len < MOST && (e = readdir(dir));) {
                const mn_json *document;
                if (*e->d_name == '.' ||
                    read_document(c, mn_arena_printf(c->arena, "%s/%s/meta.json", folder, e->d_name),
                                  &document, NULL))
                        continue;
                list[len] = context_at(c, cli_text(document, "Name"));
                list[len++].document = document;
        }
        closedir(dir);
        qsort(list, len, sizeof(*list), by_name);
        *ret_len = len;
        return MN_OK;
}

static const mn_json *endpoint_of(const context *x) {
        return mn_json_get(mn_json_get(x->document, "Endpoints"), ENDPOINT);
}

const char *context_host(const context *x) {
        return cli_text(endpoint_of(x), "Host");
}

const char *context_description(const context *x) {
        return cli_text(mn_json_get(x->document, "Metadata"), "Description");
}

bool context_skips_verify(const context *x) {
        return cli_is_true(endpoint_of(x), "SkipTLSVerify");
}

const char *context_tls_file(cli *c, const context *x, const char *name) {
        const char *path = mn_arena_printf(c->arena, "%s/" ENDPOINT "/%s", x->tls_dir, name);
        return access(path, R_OK) == 0 ? path : NULL;
}

/* Names in a directory, sorted; none when it is not there. */
static size_t list_names(cli *c, const char *folder, char ***ret) {
        struct dirent **entries = NULL;
        size_t len = 0;
        int n = scandir(folder, &entries, NULL, alphasort);
        *ret = mn_arena_array(c->arena, (size_t) (n > 0 ? n : 0) + 1, sizeof(char *));
        for (int i = 0; i < n; i++) {
                if (*entries[i]->d_name != '.')
                        (*ret)[len++] = mn_arena_strdup(c->arena, entries[i]->d_name);
                free(entries[i]);
        }
        free(entries);
        return len;
}

static mn_status read_file(cli *c, const char *path, context_file *file, mn_err *err) {
        char *data = NULL;
        int r = mn_file_read(AT_FDCWD, path, MAX_FILE, &data, &file->len);
        cleanup_free char *owned = data;
        if (r < 0)
                return mn_fail_errno(err, r, "open %s", path);
        file->data = mn_arena_strndup(c->arena, data, file->len);
        return MN_OK;
}

mn_status context_read_files(cli *c, const context *x, context_files *ret, mn_err *err) {
        enum { MOST = 64 };
        char **endpoints, **names;
        *ret = (context_files){ .items = mn_arena_array(c->arena, MOST, sizeof(*ret->items)) };
        list_names(c, x->tls_dir, &endpoints);
        for (; *endpoints; endpoints++) {
                const char *folder = mn_arena_printf(c->arena, "%s/%s", x->tls_dir, *endpoints);
                list_names(c, folder, &names);
                for (; *names && ret->len < MOST; names++) {
                        context_file *file = &ret->items[ret->len++];
                        *file = (context_file){ .endpoint = *endpoints, .name = *names };
                        mn_status status = read_file(c, mn_arena_printf(c->arena, "%s/%s", folder, *names),
                                                     file, err);
                        if (status)
                                return status;
                }
        }
        return MN_OK;
}

const mn_json *context_endpoint(cli *c, const char *host, bool skips_verify) {
        const mn_json *endpoint = NULL;
        if (*host)
                endpoint = document_with(c->arena, NULL, "Host", document_text(c->arena, host));
        return document_with(c->arena, endpoint, "SkipTLSVerify", document_bool(c->arena, skips_verify));
}

const mn_json *context_document(cli *c, const char *name, const mn_json *from, const context_change *change) {
        const mn_json *metadata = mn_json_get(from, "Metadata"), *endpoints = mn_json_get(from, "Endpoints");
        if (change->description)
                metadata = document_with(c->arena, metadata, "Description",
                                         *change->description ? document_text(c->arena, change->description)
                                                              : NULL);
        if (change->endpoint)
                endpoints = document_with(c->arena, endpoints, ENDPOINT, change->endpoint);
        const mn_json *empty = document_with(c->arena, NULL, "", NULL);
        from = document_with(c->arena, from, "Name", document_text(c->arena, name));
        from = document_with(c->arena, from, "Metadata", metadata ? metadata : empty);
        return document_with(c->arena, from, "Endpoints", endpoints ? endpoints : empty);
}

static mn_status write_files(const context *x, const context_files *files, mn_err *err) {
        int r = mn_remove_tree(AT_FDCWD, x->tls_dir);
        for (size_t i = 0; r >= 0 && i < files->len; i++) {
                const context_file *f = &files->items[i];
                cleanup_free char *folder = mn_asprintf("%s/%s", x->tls_dir, f->endpoint);
                cleanup_free char *path = mn_asprintf("%s/%s", folder, f->name);
                r = mn_mkdir_p(folder, 0700);
                if (r >= 0)
                        r = mn_file_write_atomic(AT_FDCWD, path, f->data, f->len, 0600);
        }
        return r < 0 ? mn_fail_errno(err, r, "saving %s", x->tls_dir) : MN_OK;
}

mn_status context_save(const context *x, const context_files *files, mn_err *err) {
        cleanup_str mn_str json = MN_STR_INIT(0);
        cleanup_free char *path = mn_asprintf("%s/meta.json", x->meta_dir);
        mn_status status = files ? write_files(x, files, err) : MN_OK;
        if (status)
                return status;
        mn_json_write(x->document, &json);
        int r = mn_mkdir_p(x->meta_dir, 0755);
        if (r >= 0)
                r = mn_file_write_atomic(AT_FDCWD, path, json.data, json.len, 0644);
        return r < 0 ? mn_fail_errno(err, r, "saving %s", path) : MN_OK;
}

mn_status context_remove(const context *x, mn_err *err) {
        int r = mn_remove_tree(AT_FDCWD, x->meta_dir);
        if (r >= 0)
                r = mn_remove_tree(AT_FDCWD, x->tls_dir);
        return r < 0 ? mn_fail_errno(err, r, "context \"%s\"", x->name) : MN_OK;
}
