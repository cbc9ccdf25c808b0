/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests: an image store without a daemon.
 *
 *     image-tool ROOT [--driver NAME[,OPTION...]] load < ARCHIVE | list | inspect NAME | history NAME | tag
 * NAME REPO TAG | rm NAME | rmf NAME | save NAME... > ARCHIVE | df | prune [all] | rootfs NAME
 * CONTAINER-DIRECTORY TARGET (attaches the root file system at TARGET) | check [repair]
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/time.h"
#include "image/image.h"
#include "store/store.h"
#include "sys/fd.h"
#include "sys/mountfd.h"

struct tool {
        image_store *images;
        mn_arena *arena;
        mn_err err;
        char **args; /* behind the command */
        int nargs;
};

static ssize_t read_stdin(void *arg, void *buf, size_t len) {
        (void) arg;
        ssize_t n = read(STDIN_FILENO, buf, len);
        return n < 0 ? -errno : n;
}

static int write_stdout(void *arg, const void *buf, size_t len) {
        (void) arg;
        return mn_write_all(STDOUT_FILENO, buf, len);
}

static bool report(void *arg, const image_progress *m) {
        (void) arg;
        if (m->stream)
                fputs(m->stream, stdout);
        return true;
}

static void print(const mn_type *type, const void *object) {
        cleanup_str mn_str out = { 0 };
        mn_json_encode(type, object, 0, &out);
        puts(mn_str_text(&out));
}

static mn_status run_load(struct tool *t) {
        const image_load_spec spec = { .read = read_stdin, .report = report, .is_quiet = true };
        return image_load(t->images, &spec, &t->err);
}

static mn_status run_list(struct tool *t) {
        wire_image_summary_list list = { 0 };
        const image_list_spec spec = { .is_all = true, .has_shared_size = true };
        mn_status st = image_list(t->images, &spec, t->arena, &list, &t->err);
        if (!st)
                print(&wire_image_summary_list_type, &list);
        return st;
}

static mn_status run_inspect(struct tool *t) {
        wire_image_inspect image;
        const image_inspect_spec spec = { .name = t->args[0],
                                          .platform = t->nargs > 1 ? t->args[1] : NULL,
                                          .has_manifests = t->nargs < 2 };
        mn_status st = image_inspect(t->images, &spec, t->arena, &image, &t->err);
        if (!st)
                print(&wire_image_inspect_type, &image);
        return st;
}

static mn_status run_history(struct tool *t) {
        wire_image_history_list list;
        mn_status st = image_history(t->images, t->args[0], NULL, t->arena, &list, &t->err);
        if (!st)
                print(&wire_image_history_list_type, &list);
        return st;
}

static mn_status run_tag(struct tool *t) {
        return image_tag(t->images, t->args[0], t->args[1], t->nargs > 2 ? t->args[2] : NULL, &t->err);
}

static mn_status remove_image(struct tool *t, bool is_forced) {
        wire_image_delete_list list = { 0 };
        const image_remove_spec spec = { .is_forced = is_forced };
        mn_status st = image_remove(t->images, t->args[0], &spec, t->arena, &list, &t->err);
        print(&wire_image_delete_list_type, &list);
        return st;
}

static mn_status run_rm(struct tool *t) {
        return remove_image(t, false);
}

static mn_status run_rmf(struct tool *t) {
        return remove_image(t, true);
}

static mn_status run_save(struct tool *t) {
        const image_save_spec spec = { .names = t->args };
        return image_save(t->images, &spec, write_stdout, NULL, &t->err);
}

static mn_status run_df(struct tool *t) {
        image_usage usage;
        image_disk_usage(t->images, &usage);
        printf("{\"size\":%lld,\"reclaimable\":%lld,\"count\":%lld}\n", (long long) usage.layers_size,
               (long long) usage.reclaimable, (long long) usage.total_count);
        return MN_OK;
}

static mn_status run_prune(struct tool *t) {
        wire_image_prune pruned = { 0 };
        wire_filters filters = { 0 };
        if (t->nargs)
                wire_filters_add(&filters, t->arena, "dangling", "false");
        const image_prune_spec spec = { .filters = &filters };
        mn_status st = image_prune(t->images, &spec, t->arena, &pruned, &t->err);
        if (!st)
                print(&wire_image_prune_type, &pruned);
        return st;
}

static mn_status run_rootfs(struct tool *t) {
        cleanup_close int container = open(t->args[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        cleanup_close int target = open(t->args[2], O_PATH | O_CLOEXEC);
        cleanup_close int root = -1;
        char id[IMAGE_ID_SIZE];
        mn_status st = image_resolve(t->images, t->args[0], NULL, id, &t->err);
        image_rootfs_spec spec = { .image_id = id, .container_fd = container, .has_init_layer = true };
        int64_t before = mn_monotonic_ns();
        if (!st)
                st = image_rootfs_mount(t->images, &spec, &root, &t->err);
        int64_t first = mn_monotonic_ns();
        mn_close(root); /* syncs the disk */
        int64_t again = mn_monotonic_ns();
        if (!st)
                st = image_rootfs_mount(t->images, &spec, &root, &t->err);
        int64_t second = mn_monotonic_ns();
        fprintf(stderr, "first %lld us, then %lld us\n", (long long) (first - before) / 1000,
                (long long) (second - again) / 1000);
        int r = st ? 0 : mn_mount_attach(root, target);
        return r < 0 ? mn_fail_errno(&t->err, r, "attaching") : st;
}

static void on_finding(void *arg, const image_finding *finding) {
        (void) arg;
        printf("%s: %s%s%s%s\n", finding->object, finding->problem, finding->action ? " (" : "",
               finding->action ? finding->action : "", finding->action ? ")" : "");
}

static mn_status run_check(struct tool *t) {
        const image_check_spec spec = { .reads_data = true, .repairs = t->nargs > 0, .found = on_finding };
        return image_check(t->images, &spec, &t->err);
}

static const struct {
        const char *name;
        int nargs;
        mn_status (*run)(struct tool *t);
} commands[] = {
        { "load", 0, run_load },       { "list", 0, run_list },     { "inspect", 1, run_inspect },
        { "history", 1, run_history }, { "tag", 2, run_tag },       { "rm", 1, run_rm },
        { "rmf", 1, run_rmf },         { "save", 1, run_save },     { "df", 0, run_df },
        { "prune", 0, run_prune },     { "rootfs", 3, run_rootfs }, { "check", 0, run_check },
};

static mn_status run(struct tool *t, const char *command) {
        for (size_t i = 0; i < MN_ARRAY_LEN(commands); i++)
                if (!strcmp(command, commands[i].name) && t->nargs >= commands[i].nargs)
                        return commands[i].run(t);
        return mn_fail(&t->err, MN_INVALID, "unknown command or missing arguments: %s", command);
}

/* A path relative to this program's directory, on the heap. */
static char *beside(const char *path) {
        char own[4096];
        ssize_t len = readlink("/proc/self/exe", own, sizeof(own) - 1);
        own[MN_MAX(len, (ssize_t) 0)] = '\0';
        *strrchr(own, '/') = '\0';
        return mn_asprintf("%s/%s", own, path);
}

/* "erofs,erofs.backing=loop": the driver's name and its options, as --storage-driver and --storage-opt. */
static char **split_driver(mn_arena *arena, char *text) {
        char **words = mn_arena_array(arena, 8, sizeof(*words));
        size_t n = 0;
        for (char *save, *word = strtok_r(text, ",", &save); word && n < 7; word = strtok_r(NULL, ",", &save))
                words[n++] = word;
        return words;
}

int main(int argc, char **argv) {
        bool has_driver = argc > 3 && !strcmp(argv[2], "--driver");
        int at = has_driver ? 4 : 2;
        if (argc <= at)
                return 2;
        struct tool t = { .arena = mn_arena_new(), .args = argv + at + 1, .nargs = argc - at - 1 };
        cleanup_free char *path = mn_asprintf("%s/state.db", argv[1]);
        store *db = NULL;
        mn_status st = store_open(path, &db, &t.err);
        cleanup_free char *unpack = beside("../../src/image/minato-unpack");
        cleanup_free char *decompress = beside("../../src/worker/minato-decompress");
        image_store_config config = {
                .data_root = argv[1], .store = db, .unpack_path = unpack, .decompress_path = decompress
        };
        if (has_driver) {
                char **words = split_driver(t.arena, argv[3]);
                config.driver = words[0];
                config.driver_options = words + 1;
        }
        if (!st)
                st = image_store_open(&config, &t.images, &t.err);
        if (!st)
                st = run(&t, argv[at]);
        if (st)
                fprintf(stderr, "error %d: %s\n", (int) st, mn_err_text(&t.err));
        image_store_close(t.images);
        store_close(db);
        mn_err_release(&t.err);
        mn_arena_free(t.arena);
        return st != MN_OK;
}
