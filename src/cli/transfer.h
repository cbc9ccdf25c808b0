/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Archives between the daemon and files or pipes. */

#include "cli/cli.h"

/* Fails when the archive would go to a terminal. */
mn_status transfer_check_output(const char *file, mn_err *err) MN_MUST_USE;

/* GETs `target` into `file` (NULL or "": standard output). A file appears only when it is complete. */
mn_status transfer_download(cli *c, const char *target, const char *file, mn_err *err) MN_MUST_USE;
