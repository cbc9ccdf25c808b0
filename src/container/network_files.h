/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* /etc/hosts and /etc/resolv.conf of a running container, when its networks change. */

#include "container/engine.h"

/* What the two files would say now. */
typedef struct container_etc_texts {
        mn_str hosts;
        mn_str resolv_conf;
} container_etc_texts;
void container_etc_texts_release(container_etc_texts *t);
#define cleanup_etc_texts MN_CLEANUP(container_etc_texts_release)
mn_status container_make_etc_texts(container *c, container_etc_texts *ret, mn_err *err) MN_MUST_USE;

/* Brings the files up to date, in place, for they are mounted; one that the container has edited since
   `before` stays as it is. Operation lock held. */
void container_refresh_etc_files(container *c, const container_etc_texts *before);
