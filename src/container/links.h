/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Legacy links (HostConfig.Links) of containers on the default bridge. */

#include "container/engine.h"

/* Whether the targets exist and the aliases are names. MN_INVALID in Docker's words; MN_NOT_IMPLEMENTED where
   icc is off, for a link opens nothing here. */
mn_status container_links_check(container_engine *e, const container_record *r, mn_arena *arena,
                                mn_err *err) MN_MUST_USE;

/* What the links bring: `*ret_env` (may be NULL) variables, `*ret_hosts` (may be NULL) the container's own
   --add-host values and the links' after them, as network_hosts_file takes them. For a start every target
   must run (MN_CONFLICT), else those that do not are passed over. State lock not held. */
mn_status container_links_resolve(container_engine *e, const container_record *r, bool is_for_start,
                                  mn_arena *arena, char ***ret_env, char ***ret_hosts,
                                  mn_err *err) MN_MUST_USE;

/* The target of one of the links the container has by the alias, in the arena; NULL when it has none. */
char *container_links_target(const container_record *r, const char *alias, mn_arena *arena);
/* Takes the links of that alias out of the record. */
void container_links_drop(container_record *r, const char *alias, mn_arena *arena);

/* As inspect shows them: "/TARGET:/CONTAINER/ALIAS"; NULL when there is none. */
char **container_links_describe(const container_record *r, mn_arena *arena);
