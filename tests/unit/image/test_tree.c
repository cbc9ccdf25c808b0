/* SPDX-License-Identifier: Apache-2.0 */
/* Names of a layer: where they end up in its tree, and which are refused. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/str.h"
#include "image/erofs_layout.h"
#include "image/tree.h"

static int add(tree *t, mn_tar_type type, const char *path, const char *link) {
        return tree_add(
                t,
                &(mn_tar_entry){
                        .type = type, .path = path, .link = link, .mode = 0644, .uname = "", .gname = "" });
}

/* All names of the tree, depth first, each directory's in byte order: "a/ a/b". */
static void list(const struct tree_inode *dir, const char *prefix, mn_str *out) {
        for (size_t i = 0; i < (size_t) dir->nchildren + 2; i++) {
                const struct tree_dentry *d = dir->sorted[i];
                if (!d)
                        continue;
                mn_str_printf(out, "%s%s%s ", prefix, d->name,
                              S_ISDIR(d->inode->mode) ? (d->inode->is_opaque ? "/!" : "/")
                              : S_ISCHR(d->inode->mode) && !d->inode->major ? "-"
                                                                            : "");
                if (S_ISDIR(d->inode->mode)) {
                        mn_str below = { 0 };
                        mn_str_printf(&below, "%s%s/", prefix, d->name);
                        list(d->inode, mn_str_text(&below), out);
                        mn_str_release(&below);
                }
        }
}

static void expect(tree *t, const char *want) {
        struct erofs_layout layout;
        mn_str out = { 0 };
        assert_int_equal(erofs_layout_make(t, INT64_MAX, &layout), 0);
        list(tree_root(t), "", &out);
        assert_string_equal(mn_str_text(&out), want);
        erofs_layout_release(&layout);
        mn_str_release(&out);
        tree_free(t);
}

static void test_names(void **state) {
        (void) state;
        tree *t = tree_new();
        assert_int_equal(add(t, MN_TAR_FILE, "./a//b/./c", ""), 0);
        assert_int_equal(add(t, MN_TAR_FILE, "/abs", ""), 0);
        assert_int_equal(add(t, MN_TAR_FILE, "a/../up", ""), 0);
        assert_int_equal(add(t, MN_TAR_FILE, "-first", ""), 0);
        assert_int_equal(add(t, MN_TAR_FILE, "../out", ""), -EXDEV);
        assert_int_equal(add(t, MN_TAR_FILE, "a/../../out", ""), -EXDEV);
        assert_int_equal(add(t, MN_TAR_FILE, "abs/x", ""), -ENOTDIR);
        expect(t, "-first a/ a/b/ a/b/c abs up ");
}

static void test_links(void **state) {
        (void) state;
        tree *t = tree_new();
        assert_int_equal(add(t, MN_TAR_SYMLINK, "var/run", "/run"), 0);
        assert_int_equal(add(t, MN_TAR_FILE, "var/run/pid", ""), 0);
        assert_int_equal(add(t, MN_TAR_SYMLINK, "up", "../../../x"), 0);
        assert_int_equal(add(t, MN_TAR_FILE, "up/y", ""), 0);
        assert_int_equal(add(t, MN_TAR_HARDLINK, "h", "/run/pid"), 0);
        assert_int_equal(add(t, MN_TAR_HARDLINK, "none", "missing"), -ENOENT);
        assert_int_equal(add(t, MN_TAR_HARDLINK, "none", "../run/pid"), -EXDEV);
        assert_int_equal(add(t, MN_TAR_HARDLINK, "none", "run"), -EINVAL);
        assert_int_equal(add(t, MN_TAR_SYMLINK, "loop", "loop"), 0);
        assert_int_equal(add(t, MN_TAR_FILE, "loop/x", ""), -ELOOP);
        expect(t, "h loop run/ run/pid up var/ var/run x/ x/y ");
}

static void test_whiteouts(void **state) {
        (void) state;
        tree *t = tree_new();
        assert_int_equal(add(t, MN_TAR_FILE, "d/.wh.gone", ""), 0);
        assert_int_equal(add(t, MN_TAR_FILE, "o/.wh..wh..opq", ""), 0);
        assert_int_equal(add(t, MN_TAR_FILE, ".wh.again", ""), 0);
        assert_int_equal(add(t, MN_TAR_FILE, "again/new", ""), 0);
        assert_int_equal(add(t, MN_TAR_FILE, "kept", ""), 0);
        assert_int_equal(add(t, MN_TAR_FILE, ".wh.kept", ""), 0);
        assert_int_equal(add(t, MN_TAR_FILE, "d/.wh.", ""), -EINVAL);
        assert_int_equal(add(t, MN_TAR_FILE, "d/.wh...", ""), -EINVAL);
        assert_int_equal(add(t, MN_TAR_CHAR, "zero", ""), -EINVAL);
        expect(t, "again/! again/new d/ d/gone- kept o/! ");
}

static void test_last_entry_wins(void **state) {
        (void) state;
        tree *t = tree_new();
        assert_int_equal(add(t, MN_TAR_FILE, "x", ""), 0);
        assert_int_equal(add(t, MN_TAR_DIR, "x", ""), 0);
        assert_int_equal(add(t, MN_TAR_FILE, "x/y", ""), 0);
        assert_int_equal(add(t, MN_TAR_DIR, "x", ""), 0);
        assert_int_equal(add(t, MN_TAR_FILE, "z/y", ""), 0);
        assert_int_equal(add(t, MN_TAR_FILE, "z", ""), 0);
        assert_int_equal(add(t, MN_TAR_FILE, ".", ""), -EINVAL);
        expect(t, "x/ x/y z ");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_links),
                cmocka_unit_test(test_whiteouts),
                cmocka_unit_test(test_last_entry_wins),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
