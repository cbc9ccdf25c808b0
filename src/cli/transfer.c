/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/progress.h"
#include "sys/fd.h"

enum { COPY_SIZE = 64 << 10 };

mn_status transfer_check_output(const char *file, mn_err *err) {
        if ((!file || !*file) && isatty(STDOUT_FILENO))
                return mn_fail(err, MN_INVALID,
                               "cowardly refusing to save to a terminal. Use the -o flag or redirect");
        return MN_OK;
}

static mn_status copy(client_stream *stream, int fd, mn_err *err) {
        char buf[COPY_SIZE];
        for (;;) {
                ssize_t n = client_stream_read(stream, buf, sizeof(buf));
                if (n == 0)
                        return MN_OK;
                int r = n < 0 ? (int) n : mn_write_all(fd, buf, (size_t) n);
                if (r < 0)
                        return mn_fail_errno(err, r, n < 0 ? "cannot read from the daemon" : "cannot write");
        }
}

mn_status transfer_download(cli *c, const char *target, const char *file, mn_err *err) {
        cleanup_stream client_stream *stream = NULL;
        const client_request request = { .method = "GET", .target = target };
        client *peer;
        struct stat st;
        bool is_file = file && *file;
        bool is_special = is_file && stat(file, &st) == 0 && !S_ISREG(st.st_mode);
        if (is_special && S_ISDIR(st.st_mode))
                return mn_fail(err, MN_INVALID, "failed to save: invalid output path: \"%s\" is a directory",
                               file);
        mn_status status = cli_client(c, &peer, err);
        if (!status)
                status = client_stream_open(peer, &request, &stream, err);
        if (status || !is_file)
                return status ? status : copy(stream, STDOUT_FILENO, err);
        const char *temporary = is_special ? file
                                           : mn_arena_printf(c->arena, "%s.%d.tmp", file, (int) getpid());
        cleanup_close int fd = open(temporary, O_WRONLY | O_CREAT | O_CLOEXEC | (is_special ? 0 : O_EXCL),
                                    0600);
        if (fd < 0)
                return mn_fail_errno(err, -errno, "cannot create %s", temporary);
        status = copy(stream, fd, err);
        if (!status && !is_special && rename(temporary, file) < 0)
                status = mn_fail_errno(err, -errno, "cannot rename %s to %s", temporary, file);
        if (status && !is_special)
                unlink(temporary);
        return status;
}

int transfer_upload(cli *c, const char *target, int fd) {
        cleanup_err mn_err err = { 0 };
        cleanup_stream client_stream *stream = NULL;
        client *peer;
        const client_request request = {
                .method = "POST", .target = target, .body_fd = fd, .content_type = "application/x-tar"
        };
        mn_status status = cli_client(c, &peer, &err);
        if (!status)
                status = client_stream_open(peer, &request, &stream, &err);
        if (!status)
                status = progress_show(c, stream, STDOUT_FILENO, NULL, &err);
        return status ? cli_fail(&err) : CLI_EXIT_OK;
}
