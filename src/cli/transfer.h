/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Archives between the daemon and files or pipes. */

#include "cli/cli.h"

/* Fails when the archive would go to a terminal. */
mn_status transfer_check_output(const char *file, mn_err *err) MN_MUST_USE;

/* POSTs the tar stream in `fd` to `target` and shows the answer's progress. Exit code. */
int transfer_upload(cli *c, const char *target, int fd);

/* GETs `target` into `file` (NULL or "": standard output). A file appears only when it is complete. */
mn_status transfer_download(cli *c, const char *target, const char *file, mn_err *err) MN_MUST_USE;
