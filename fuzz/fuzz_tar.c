/* SPDX-License-Identifier: Apache-2.0 */
/* A layer from outside: the tar reader, the tree made of its entries, the layout of the index. The first byte
   says in pieces of what size the rest arrives. */

#include <stddef.h>
#include <stdint.h>

#include "codec/tar.h"
#include "image/erofs_layout.h"
#include "image/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int on_entry(void *arg, const mn_tar_entry *entry) {
        (void) tree_add(arg, entry); /* goes on after a refused one: more of the tree is reached */
        return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const mn_tar_handler handler = { .entry = on_entry };
        if (!size)
                return 0;
        tree *t = tree_new();
        mn_tar_reader *r = mn_tar_reader_new(&handler, t);
        size_t step = (size_t) data[0] * 8 + 1;
        int err = 0;
        for (size_t at = 1; at < size && err == 0; at += step)
                err = mn_tar_reader_feed(r, data + at, MN_MIN(step, size - at));
        if (err == 0)
                err = mn_tar_reader_finish(r);
        struct erofs_layout layout;
        if (erofs_layout_make(t, (int64_t) size - 1, &layout) == 0)
                erofs_layout_release(&layout);
        mn_tar_reader_free(r);
        tree_free(t);
        return 0;
}
