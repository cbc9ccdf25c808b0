/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/context_spec.h"
#include "codec/tar.h"
#include "sys/fd.h"

static void add_entry(mn_str *out, mn_tar_type type, const char *path, const char *data, size_t len,
                      mode_t mode) {
        static const char zeros[MN_TAR_BLOCK];
        const mn_tar_entry entry = { .type = type,
                                     .path = path,
                                     .link = "",
                                     .uname = "",
                                     .gname = "",
                                     .mode = mode,
                                     .size = (int64_t) len };
        mn_tar_write_header(&entry, out);
        mn_str_add_len(out, data, len);
        mn_str_add_len(out, zeros, mn_tar_padding((int64_t) len));
}

/* "meta.json", "tls", "tls/docker", "tls/docker/ca.pem" ... as Docker writes them. */
static void write_archive(cli *c, const context *x, const context_files *files, mn_str *out) {
        cleanup_str mn_str json = MN_STR_INIT(0);
        const char *endpoint = "";
        mn_json_write(x->document, &json);
        add_entry(out, MN_TAR_FILE, "meta.json", json.data, json.len, 0644);
        add_entry(out, MN_TAR_DIR, "tls", "", 0, 0700);
        for (size_t i = 0; i < files->len; i++) {
                const context_file *f = &files->items[i];
                if (strcmp(endpoint, f->endpoint) != 0)
                        add_entry(out, MN_TAR_DIR, mn_arena_printf(c->arena, "tls/%s", f->endpoint), "", 0,
                                  0700);
                endpoint = f->endpoint;
                add_entry(out, MN_TAR_FILE, mn_arena_printf(c->arena, "tls/%s/%s", f->endpoint, f->name),
                          f->data, f->len, 0600);
        }
        mn_tar_write_end(out);
}

static mn_status read_context(cli *c, const char *name, context *x, context_files *files, mn_err *err) {
        context_change change = { 0 };
        mn_status status;
        if (strcmp(name, CONTEXT_DEFAULT) != 0) {
                status = context_check_name(name, err);
                if (!status)
                        status = context_load(c, name, x, err);
                return status ? status : context_read_files(c, x, files, err);
        }
        status = context_spec_copy(c, name, &change.endpoint, files, err);
        *x = (context){ .name = name, .document = context_document(c, name, NULL, &change) };
        return status;
}

/* The file must not be there: it would hold another context's keys. */
static mn_status write_out(const char *path, const mn_str *archive, mn_err *err) {
        bool is_stdout = strcmp(path, "-") == 0;
        if (is_stdout && isatty(STDOUT_FILENO))
                return mn_fail(err, MN_INVALID,
                               "cowardly refusing to export to a terminal, specify a file path");
        cleanup_close int fd = is_stdout ? dup(STDOUT_FILENO)
                                         : open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        int r = fd < 0 ? -errno : mn_write_all(fd, archive->data, archive->len);
        return r < 0 ? mn_fail_errno(err, r, "open %s", path) : MN_OK;
}

static int run(cli *c, const void *parsed, char **args) {
        (void) parsed;
        cleanup_err mn_err err = { 0 };
        cleanup_str mn_str archive = MN_STR_INIT(0);
        context x = { 0 };
        context_files files = { 0 };
        const char *path = args[1] ? args[1] : mn_arena_printf(c->arena, "%s.dockercontext", args[0]);
        if (read_context(c, args[0], &x, &files, &err))
                return cli_fail(&err);
        write_archive(c, &x, &files, &archive);
        if (write_out(path, &archive, &err))
                return cli_fail(&err);
        if (strcmp(path, "-") != 0)
                fprintf(stderr, "Written file \"%s\"\n", path);
        return CLI_EXIT_OK;
}

const cli_command context_export_command = {
        .usage = "[OPTIONS] CONTEXT [FILE|-]",
        .summary = "Export a context to a tar archive FILE or a tar stream on STDOUT.",
        .min_args = 1,
        .max_args = 2,
        .run = run,
};
