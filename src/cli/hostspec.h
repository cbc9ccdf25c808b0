/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The small grammars of run's options that end in HostConfig. Results live in the arena. */

#include "wire/container.h"

/* "no", "always", "unless-stopped", "on-failure[:N]". */
mn_status hostspec_restart_policy(mn_arena *arena, const char *text, wire_restart_policy *ret,
                                  mn_err *err) MN_MUST_USE;

/* "nofile=1024:2048", "core=-1". */
mn_status hostspec_ulimit(mn_arena *arena, const char *text, wire_ulimit *ret, mn_err *err) MN_MUST_USE;

/* "/dev/sda[:/dev/xvda][:rwm]". */
mn_status hostspec_device(mn_arena *arena, const char *text, wire_device_mapping *ret,
                          mn_err *err) MN_MUST_USE;

/* "/dev/sda:1mb" (sizes) or "/dev/sda:1000" (operations). */
mn_status hostspec_throttle(mn_arena *arena, const char *text, bool is_size, wire_throttle_device *ret,
                            mn_err *err) MN_MUST_USE;

/* --gpus: "all", a number, or "driver=,count=,device=,capabilities=,options=" as a line of CSV. */
mn_status hostspec_gpus(mn_arena *arena, const char *text, wire_device_request *ret, mn_err *err) MN_MUST_USE;

/* "/dev/sda:500". */
mn_status hostspec_weight(mn_arena *arena, const char *text, wire_weight_device *ret,
                          mn_err *err) MN_MUST_USE;

/* --cap-add and --cap-drop as Docker sends them: capital, with "CAP_", sorted, each once; ALL stands for the
 * rest, and what is added is not dropped. */
void hostspec_capabilities(mn_arena *arena, char *const *add, char *const *drop, wire_host_config *host);

/* --security-opt: a seccomp profile is read from its file, systempaths becomes empty path lists. */
mn_status hostspec_security(mn_arena *arena, char *const *options, wire_host_config *host,
                            mn_err *err) MN_MUST_USE;
