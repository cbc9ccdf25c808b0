/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Rules of removing images that remove.c and prune.c share. All with `change`. */

#include "image/removal.h"

/* Images without a name that are there for an index. */
typedef MN_VEC(struct image_record *) remove_group;

/* Those the index of the name `full` (NULL: of any of the image's names) lists. */
void remove_find_group(const removal *r, const struct image_record *record, const char *full,
                       remove_group *ret);

/* The first of them that a container uses, NULL when none is. */
const struct image_record *remove_used_of_group(const removal *r, const remove_group *group);

/* Plans to take away all names, then to delete the image and its parents nobody needs, or to hide it when
   containers use it, then to delete those of the group that no index lists any more. */
mn_status remove_with_group(removal *r, struct image_record *record, const remove_group *group,
                            mn_err *err) MN_MUST_USE;

/* Plans to delete hidden images whose last container went while the daemon was dying. */
void remove_plan_hidden(removal *r);
