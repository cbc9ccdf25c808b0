/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * System containers: those whose first process is systemd. They get what it needs and no right more: the
 * cgroups below their own, a /run in memory, and a stop signal it understands (systemd's
 * CONTAINER_INTERFACE). The annotation io.minato.systemd says when: "true" (the default) where the command is
 * an init that leads to a program named systemd, "always", "false".
 */

#include <sys/types.h>

#include "container/record.h"
#include "container/user.h"

#define CONTAINER_ANNOTATION_SYSTEMD "io.minato.systemd"

/* MN_INVALID for another value of the annotation. */
mn_status container_check_system(const wire_host_config *host, mn_err *err) MN_MUST_USE;

/* Whether it is one. `root_fd` is its root; `has_init`: minato-init is its first process. */
bool container_is_system(const container_record *r, const container_user *user, bool has_init, int root_fd);

/* The signal that ends it: the configuration's, SIGRTMIN+3 where systemd is running as `pid`, else SIGTERM.
 */
const char *container_stop_signal(const container_record *r, pid_t pid);
