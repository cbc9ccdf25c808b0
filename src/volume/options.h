/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Names and options of local volumes. */

#include "base/err.h"
#include "codec/json.h"

/* Docker's rule [a-zA-Z0-9][a-zA-Z0-9_.-]+ and its words when it is broken. */
mn_status volume_check_name(const char *name, mn_err *err) MN_MUST_USE;

/* Options a local volume may have: type, device, o; `size` needs quotas and is refused. */
mn_status volume_check_options(const mn_str_map *options, mn_err *err) MN_MUST_USE;

/* Mounts the volume's file system at `path` as its options say (mount(8) words in `o`: ro, nosuid, bind ...;
   what is not a flag goes to the file system). NFS's addr= is resolved when it is an address already; names
   are refused. */
mn_status volume_mount(const char *path, const mn_str_map *options, mn_err *err) MN_MUST_USE;
