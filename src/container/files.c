/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a container's files: changes, export, archives out of it, and commit. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/reference.h"
#include "container/tree.h"
#include "sys/fd.h"
#include "sys/path.h"

mn_status container_changes(container_engine *e, const char *name, mn_arena *arena, wire_change_list *ret,
                            mn_err *err) {
        cleanup_container container *c = NULL;
        mn_status st = container_find(e, name, &c, err);
        if (st)
                return st;
        cleanup_close int dir = container_open_directory(c);
        if (dir < 0)
                return mn_fail_errno(err, dir, "cannot open the directory of container %s", c->id);
        return image_changes(e->options.images, c->record->image_id, dir, arena, ret, err);
}

mn_status container_export(container_engine *e, const char *name, image_write_fn write, void *arg,
                           mn_err *err) {
        cleanup_container container *c = NULL;
        mn_status st = container_find(e, name, &c, err);
        if (st)
                return st;
        /* The root file system alone, without what is mounted in it: a second, read-only view of the same
         * layers. */
        cleanup_close int dir = container_open_directory(c);
        if (dir < 0)
                return mn_fail_errno(err, dir, "cannot open the directory of container %s", c->id);
        image_rootfs_spec spec = { .image_id = c->record->image_id,
                                   .container_fd = dir,
                                   .is_readonly = true,
                                   .has_init_layer = true };
        cleanup_close int root = -1;
        st = image_rootfs_mount(e->options.images, &spec, &root, err);
        if (!st)
                st = image_export_tree(root, write, arg, err);
        if (!st)
                container_event(c, "export", NULL);
        return st;
}

mn_status container_archive_stat(container_engine *e, const char *name, const char *path, mn_arena *arena,
                                 wire_path_stat *ret, mn_err *err) {
        cleanup_tree container_tree tree = { .root_fd = -1 };
        mn_status st = container_tree_open(e, name, path, false, arena, &tree, err);
        return st ? st : container_tree_stat(&tree, path, arena, ret, err);
}

/* Archives what stands at tree->path. `asked` as the client wrote it: "dir/." means the directory's contents.
 */
static mn_status archive_path(const container_tree *tree, const char *asked, const container_archive_out *out,
                              mn_err *err) {
        bool is_contents = strcmp(tree->path, "/") == 0 || mn_str_has_suffix(asked, "/.");
        if (is_contents) {
                cleanup_close int fd = mn_open_in_root(tree->root_fd, tree->path, O_RDONLY | O_DIRECTORY, 0);
                return fd < 0 ? mn_fail_errno(err, fd, "cannot open %s", asked)
                              : image_tar_tree(fd, NULL, ".", out->write, out->arg, err);
        }
        char name[256];
        cleanup_close int dir = mn_open_parent_in_root(tree->root_fd, tree->path, 0, name);
        return dir < 0 ? mn_fail_errno(err, dir, "cannot open %s", asked)
                       : image_tar_tree(dir, name, name, out->write, out->arg, err);
}

mn_status container_archive_get(container_engine *e, const char *name, const char *path,
                                const container_archive_out *out, mn_err *err) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        cleanup_tree container_tree tree = { .root_fd = -1 };
        wire_path_stat stat;
        mn_status st = container_tree_open(e, name, path, false, arena, &tree, err);
        if (!st)
                st = container_tree_stat(&tree, path, arena, &stat, err);
        if (st)
                return st;
        int r = out->begin(out->arg, &stat);
        if (r < 0)
                return mn_fail_errno(err, r, "cannot send the archive");
        st = archive_path(&tree, path, out, err);
        if (!st)
                container_event(tree.c, "archive-path", NULL);
        return st;
}

/* ---- commit ---- */

/* Members the client gave win over the container's, as Docker merges them. */
static void override_config(oci_image_config *to, const wire_container_config *from) {
        if (!mn_str_is_empty(from->user))
                to->user = from->user;
        if (from->cmd)
                to->cmd = from->cmd;
        if (from->entrypoint)
                to->entrypoint = from->entrypoint;
        if (from->env)
                to->env = from->env;
        if (!mn_str_is_empty(from->working_dir))
                to->working_dir = from->working_dir;
        if (from->exposed_ports)
                to->exposed_ports = from->exposed_ports;
        if (from->volumes)
                to->volumes = from->volumes;
        if (from->labels.items)
                to->labels = from->labels;
        if (!mn_str_is_empty(from->stop_signal))
                to->stop_signal = from->stop_signal;
}

static char *command_line(const container_record *r, mn_arena *arena) {
        cleanup_free char *args = mn_strv_join(r->args, " ");
        return mn_arena_printf(arena, "%s%s%s", r->path, *args ? " " : "", args);
}

/* The container's configuration in an image's terms; borrowed from the record. */
static oci_image_config config_of(const wire_container_config *c, mn_arena *arena) {
        oci_image_config config = {
                .user = c->user,
                .exposed_ports = c->exposed_ports,
                .env = c->env,
                .entrypoint = c->entrypoint,
                .cmd = c->cmd,
                .args_escaped = c->has_escaped_args,
                .volumes = c->volumes,
                .working_dir = c->working_dir,
                .on_build = c->on_build,
                .labels = c->labels,
                .stop_signal = c->stop_signal,
                .shell = c->shell,
        };
        const wire_health_config *h = c->healthcheck;
        if (h && mn_strv_len(h->test)) {
                config.healthcheck = mn_arena_alloc(arena, sizeof(*config.healthcheck));
                *config.healthcheck = (oci_healthcheck){
                        h->test,   h->interval_ns, h->timeout_ns, h->start_period_ns, h->start_interval_ns,
                        h->retries
                };
        }
        return config;
}

static mn_status commit_locked(container *c, const container_commit_spec *spec,
                               char ret_image_id[IMAGE_ID_SIZE], mn_err *err) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        cleanup_close int dir = container_open_directory(c);
        if (dir < 0)
                return mn_fail_errno(err, dir, "cannot open the directory of container %s", c->id);
        oci_image_config config = config_of(&c->record->config, arena);
        if (spec->config)
                override_config(&config, spec->config);
        image_commit_spec commit = {
                .image_id = c->record->image_id,
                .container_fd = dir,
                .config = &config,
                .changes = spec->changes,
                .author = spec->author,
                .comment = spec->comment,
                .created_by = command_line(c->record, arena),
                .container_id = c->id,
                .repository = spec->repository,
                .tag = spec->tag,
        };
        return image_commit(c->engine->options.images, &commit, ret_image_id, err);
}

/* "made:1", as the image is called now; "" without a name. */
static const char *reference_of(const container_commit_spec *spec, char buf[MN_REFERENCE_TEXT_SIZE]) {
        mn_reference ref;
        if (mn_str_is_empty(spec->repository) || mn_reference_parse(spec->repository, &ref, NULL))
                return "";
        if (!mn_str_is_empty(spec->tag) && mn_reference_set_tag_or_digest(&ref, spec->tag, NULL))
                return "";
        mn_reference_add_default_tag(&ref);
        return mn_reference_familiar(&ref, buf);
}

mn_status container_commit(container_engine *e, const char *name, const container_commit_spec *spec,
                           char ret_image_id[IMAGE_ID_SIZE], mn_err *err) {
        cleanup_container container *c = NULL;
        mn_status st = container_find(e, name, &c, err);
        if (st)
                return st;
        /* Paused so that the layer is of one moment; one that is paused or does not run already is that
         * anyhow. */
        engine_lock(e);
        bool pauses = !spec->is_not_paused && c->state.status == CONTAINER_RUNNING;
        engine_unlock(e);
        if (pauses)
                st = container_pause_for_a_while(e, c->id, err);
        if (st)
                return st;
        st = commit_locked(c, spec, ret_image_id, err);
        cleanup_err mn_err ignored = { 0 }; /* it ended meanwhile */
        if (pauses && container_unpause(e, c->id, &ignored))
                mn_warn("cannot unpause a container after its commit", "container=%s error=\"%s\"", c->id,
                        mn_err_text(&ignored));
        char reference[MN_REFERENCE_TEXT_SIZE];
        if (!st)
                container_event(c, "commit", "comment", spec->comment ? spec->comment : "", "imageID",
                                ret_image_id, "imageRef", reference_of(spec, reference), NULL);
        return st;
}
