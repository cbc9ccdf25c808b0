/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removals that a power cut may half undo. The rename of a container's directory to the trash is not synced,
 * for that would cost each removal a second wait for the disk; the record's end is. So a note of the removal
 * is committed with it: the next start moves a directory that is back to the trash again. Notes are forgotten
 * once the renames are on the disk.
 */

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "container/engine.h"

void container_removal_note(store_batch *b, const char *id) {
        store_batch_put_text(b, CONTAINER_REMOVED_KIND, id, "{}", 2);
}

mn_status container_removals_settle(container_engine *e, mn_err *err) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        store_document_list list;
        mn_status status = store_list(e->options.store, CONTAINER_REMOVED_KIND, arena, &list, err);
        if (status || !list.len)
                return status;
        cleanup_store_batch store_batch *b = store_batch_new();
        for (size_t i = 0; i < list.len; i++) {
                const char *id = list.items[i].id;
                if (renameat(e->containers_fd, id, e->trash_fd, id) == 0)
                        mn_log(MN_LOG_INFO, "finishing the removal of a container", " container=%s", id);
                else if (errno != ENOENT)
                        mn_log(MN_LOG_ERROR, "cannot finish the removal of a container",
                               " container=%s error=\"%s\"", id, mn_strerror(-errno));
                store_batch_delete(b, CONTAINER_REMOVED_KIND, id);
        }
        if (fsync(e->containers_fd) < 0)
                return mn_fail_errno(err, -errno, "cannot sync the directories of containers");
        return store_commit(e->options.store, b, STORE_RELAXED, err);
}
