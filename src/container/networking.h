/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Containers and their networks: the sandbox of a run, the files in /etc that depend on it, connect and
 * disconnect, and what inspect and list show. The network module knows the sandboxes; here is what a
 * container wants of them.
 */

#include "container/engine.h"

/* ---- a run ---- */

/* Makes the network namespace the record asks for. `*ret_netns_fd` is the caller's to close: the container's
   own, or that of the container whose network it shares; -1 for the host's. `c->has_sandbox` says whether
   there is one to release. MN_CONFLICT when the container to share with does not run. Operation lock held. */
mn_status container_network_start(container *c, int *ret_netns_fd, mn_err *err) MN_MUST_USE;

/* Releases it; nothing without one. Operation lock held. */
void container_network_stop(container *c);

/* Takes the sandbox of a running container over from an earlier daemon. Between network_open and
 * network_start. */
mn_status container_network_restore(container *c, pid_t pid, mn_err *err) MN_MUST_USE;

/* ---- hostname, hosts, resolv.conf (network_files.c) ---- */

/* Writes the three files into the container's directory, after container_network_start. Nothing is written
   for a container that shares another one's network: it has that one's files. Operation lock held. */
mn_status container_write_etc_files(container *c, mn_err *err) MN_MUST_USE;

/* The file ("hostname", "hosts", "resolv.conf") to mount at /etc/<file>, in `arena`. */
char *container_etc_path(const container *c, mn_arena *arena, const char *file);

/* What hosts and resolv.conf would say now; for container_refresh_etc_files. */
typedef struct container_etc_texts {
        mn_str hosts;
        mn_str resolv_conf;
} container_etc_texts;
void container_etc_texts_release(container_etc_texts *t);
#define cleanup_etc_texts MN_CLEANUP(container_etc_texts_release)
mn_status container_make_etc_texts(container *c, container_etc_texts *ret, mn_err *err) MN_MUST_USE;

/* Brings the files of a running container up to date, in place; those the container has edited since `before`
   stay as they are. */
void container_refresh_etc_files(container *c, const container_etc_texts *before);

/* ---- looking (network_view.c); state lock held ---- */

/* NetworkSettings of inspect. */
void container_describe_networks(container *c, mn_arena *arena, wire_network_settings *ret);

/* Ports and NetworkSettings of a list item. */
void container_summarize_networks(container *c, mn_arena *arena, wire_container_summary *ret);
