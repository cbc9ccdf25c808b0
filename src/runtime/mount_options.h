/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The options of one mount of config.json: what the kernel calls flags, and the rest for the file system. */

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "oci/runtime_spec.h"

typedef struct mount_options {
        uint64_t set, clear;                     /* MN_MOUNT_* of the mount itself */
        uint64_t recursive_set, recursive_clear; /* MN_MOUNT_* of it and what is below ("rro") */
        unsigned long super_flags; /* MS_SYNCHRONOUS, MS_DIRSYNC, MS_MANDLOCK, MS_I_VERSION, ... */
        uint64_t propagation;      /* MS_PRIVATE ..., 0: as it comes */
        bool is_propagation_recursive;
        bool is_bind, is_recursive; /* bind, rbind */
        bool is_remount;
        bool has_copy_up; /* tmpcopyup */
        bool is_idmapped, is_idmap_recursive;
        bool is_nofollow; /* "dest-nofollow": the destination may be a symbolic link */
        mn_str data;      /* "mode=755,size=65536k" for the file system */
} mount_options;

/* Reads the options of `mount`. MN_INVALID for one that contradicts itself or is too long. */
mn_status mount_options_parse(mount_options *ret, const oci_mount *mount, mn_err *err) MN_MUST_USE;
void mount_options_release(mount_options *options);

/* All option names that are not passed to the file system; for `features`. NULL-terminated, static. */
const char *const *mount_options_names(void);

/* MN_MOUNT_* as the flags of mount(2). */
unsigned long mount_options_flags(const mount_options *options);
