/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Images: the store of layers and configurations, root file systems made from them, and the archives they
 * come and go in. Pull, push and login are in image/registry.h, a section of this header.
 *
 * A *layer* is kept once, under the digest of its uncompressed tar (its diff id), however many images have
 * it. An *image* is a configuration (its digest is the image's id) and the layers it lists. A *tag* is a full
 * reference that points to an image.
 *
 * Every function may be called from any thread and may block on the disk; those that change the store wait
 * for each other. Names of images are what users write: "busybox", "localhost:5000/app:1", "name@sha256:...",
 * an id or an unambiguous prefix of one. Unknown ones are MN_NOT_FOUND "No such image: x:latest".
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/id.h"
#include "oci/image_spec.h"
#include "wire/filter.h"
#include "wire/image.h"
#include "image/registry.h"

typedef struct image_store image_store;
struct store;

#define IMAGE_ID_SIZE (7 + MN_ID_SIZE) /* "sha256:<64 hex>" and the NUL */

/* ---- opening ---- */

/* What the store asks and tells the engine. Called without locks held; any member may be NULL. */
typedef struct image_hooks {
        void *arg;
        /* How many containers, running or not, were made from the image; when there is one, copies an id into
           `ret_container` (a running one first) and says whether it runs. */
        size_t (*count_users)(void *arg, const char *image_id, char ret_container[MN_ID_SIZE],
                              bool *ret_is_running);
        /* Ids of these containers, NULL-terminated, in the arena. */
        char **(*list_users)(void *arg, const char *image_id, mn_arena *arena);
        /* Something happened to an image: "load", "import", "tag", "untag", "delete", "save". `name` is the
           familiar reference, or the id when there is none. */
        void (*event)(void *arg, const char *action, const char *image_id, const char *name);
} image_hooks;

/* Strings are copied. */
typedef struct image_store_config {
        const char *data_root;       /* exists; the store owns blobs/, layers/ and what it makes in tmp/ */
        struct store *store;         /* the state database */
        const char *driver;          /* "erofs", "unpack"; NULL or "": the best this host can */
        char *const *driver_options; /* "erofs.backing=file|loop", "overlay.layers=detached|attached|string";
                                        NULL: what this host can */
        const char *unpack_path;     /* the program minato-unpack; NULL: no driver "unpack" */
        const char *decompress_path; /* the program minato-decompress; NULL: this process decompresses */
        bool keeps_compressed;       /* image_store_keep_compressed */
        image_hooks hooks;
} image_store_config;

/* Reads the state, finishes or drops what a former daemon left half done. */
mn_status image_store_open(const image_store_config *config, image_store **ret, mn_err *err) MN_MUST_USE;
void image_store_close(image_store *images);

/* Sets the hooks after opening, before the first request: the engine's modules know each other in a circle.
 */
void image_store_set_hooks(image_store *images, const image_hooks *hooks);

/* Whether the compressed form of layers that come from now on is kept beside them, so that they can be pushed
   and saved with the digests they came with. */
void image_store_keep_compressed(image_store *images, bool keeps);

/* "erofs" or "unpack": what GET /info and inspect name as the storage driver. */
const char *image_store_driver(const image_store *images);

/* Who decompresses (worker/decompress.h). */
struct decompress_pool *image_store_decompressors(const image_store *images);

/* What its mounts read from ("files", "loop devices", "directories") and where they are ("detached", "in a
   mount namespace of the daemon"). */
const char *image_store_backing(const image_store *images);
const char *image_store_place(const image_store *images);

/* Numbers for GET /info: tagged and untagged images. */
size_t image_count(image_store *images);

/* ---- asking ---- */

/* An image as the engine uses it; everything lives in the caller's arena. */
typedef struct image_info {
        char *id; /* "sha256:<hex>" */
        oci_image spec;
        char **layers; /* diff ids, lowest first */
        char **repo_tags;
        char **repo_digests;
        char *parent; /* "" */
        int64_t size;
        int64_t last_tagged; /* nanoseconds; 0: never */
        int64_t last_used;   /* by a container, or when it came or was tagged */
} image_info;

mn_status image_get(image_store *images, const char *name, mn_arena *arena, image_info *ret,
                    mn_err *err) MN_MUST_USE;

/* Docker's warning about an image of another platform than the host's, in the arena; NULL when it suits. */
char *image_platform_warning(const image_info *image, mn_arena *arena);

/* Only the id: of the name's image for the platform ("os[/arch[/variant]]"; NULL or "": the one the name
   points to). MN_NOT_FOUND "image with reference x was found but its platform ..." when there is none. */
mn_status image_resolve(image_store *images, const char *name, const char *platform,
                        char ret_id[IMAGE_ID_SIZE], mn_err *err) MN_MUST_USE;

/* Keeps an image from being deleted between looking it up and recording its use; unpin exactly once. */
mn_status image_pin(image_store *images, const char *name, const char *platform, char ret_id[IMAGE_ID_SIZE],
                    mn_err *err) MN_MUST_USE;
void image_unpin(image_store *images, const char *id);

/* After the last container of an image went: deletes the image when it was removed by force meanwhile. */
void image_collect(image_store *images, const char *id);

typedef struct image_list_spec {
        bool is_all;
        bool has_shared_size;
        bool has_digests;            /* no effect on content: RepoDigests are always there */
        bool has_containers;         /* count them; else -1 */
        bool has_manifests;          /* of all platforms */
        const wire_filters *filters; /* NULL: none. dangling, label, before, since, until, reference */
} image_list_spec;

/* Names of the filters GET /images/json and POST /images/prune know, for wire_filters_parse. */
extern const char *const image_list_filters[];
extern const char *const image_prune_filters[];

/* Newest first. */
mn_status image_list(image_store *images, const image_list_spec *spec, mn_arena *arena,
                     wire_image_summary_list *ret, mn_err *err) MN_MUST_USE;

typedef struct image_inspect_spec {
        const char *name;
        const char *platform; /* of the image to show; NULL or "": the one the name points to */
        bool has_manifests;   /* of all platforms of the name's index */
} image_inspect_spec;

mn_status image_inspect(image_store *images, const image_inspect_spec *spec, mn_arena *arena,
                        wire_image_inspect *ret, mn_err *err) MN_MUST_USE;
mn_status image_history(image_store *images, const char *name, const char *platform, mn_arena *arena,
                        wire_image_history_list *ret, mn_err *err) MN_MUST_USE;

typedef struct image_attestation_spec {
        const char *name;
        const char *platform;
        char *const *types; /* predicate types wanted; NULL or empty: all */
        bool has_statement; /* the statements themselves */
} image_attestation_spec;

/* GET /images/{name}/attestations: appends the JSON list of in-toto statements the index of the name has for
   the image. */
mn_status image_attestations(image_store *images, const image_attestation_spec *spec, mn_str *ret_json,
                             mn_err *err) MN_MUST_USE;

/* Sums for GET /system/df. */
typedef struct image_usage {
        int64_t layers_size; /* bytes on disk of all layers, each counted once, and of the images' documents
                              */
        int64_t reclaimable; /* of those no container's image has */
        int64_t total_count;
        int64_t active_count; /* images with containers */
} image_usage;
void image_disk_usage(image_store *images, image_usage *ret);

/* ---- changing ---- */

/* Points `reference` ("repo:tag", tag default latest) to the image. */
mn_status image_tag(image_store *images, const char *name, const char *repository, const char *tag,
                    mn_err *err) MN_MUST_USE;

typedef struct image_remove_spec {
        bool is_forced;
        bool keeps_parents;     /* noprune */
        char *const *platforms; /* remove only these of the name's index; NULL or empty: all of it */
} image_remove_spec;

/* Docker's rules: a name with other names beside it is only untagged; MN_CONFLICT "conflict: unable to remove
   repository reference ..." when containers use the image. */
mn_status image_remove(image_store *images, const char *name, const image_remove_spec *spec, mn_arena *arena,
                       wire_image_delete_list *ret, mn_err *err) MN_MUST_USE;

typedef struct image_prune_spec {
        /* dangling (default true: only images without a tag), label, label!, until (created before),
           unused-for ("30d", "2w", "12h": neither used by a container nor tagged for so long), keep (that
           many images of every repository stay, those used last). */
        const wire_filters *filters;
        bool is_dry_run; /* tells what would go and how much it would free */
} image_prune_spec;

/* Removes what nobody uses. */
mn_status image_prune(image_store *images, const image_prune_spec *spec, mn_arena *arena,
                      wire_image_prune *ret, mn_err *err) MN_MUST_USE;

/* ---- archives ---- */

/* Reads up to `len` bytes: bytes, 0 at the end, or -errno. */
typedef ssize_t (*image_read_fn)(void *arg, void *buf, size_t len);
/* Writes all bytes: 0 or -errno (the operation then stops with an internal error). */
typedef int (*image_write_fn)(void *arg, const void *buf, size_t len);

typedef struct image_load_spec {
        image_read_fn read;
        void *read_arg;
        char *const *platforms;   /* "os/arch[/variant]" to load of an index; NULL or empty: all there are */
        image_progress_fn report; /* may be NULL */
        void *report_arg;
        bool is_quiet;
} image_load_spec;

/* Loads a docker-archive or an OCI layout (plain, gzip or zstd). Nothing is visible before all of it is
 * verified. */
mn_status image_load(image_store *images, const image_load_spec *spec, mn_err *err) MN_MUST_USE;

typedef struct image_save_spec {
        char *const *names;
        char *const *platforms; /* "os/arch[/variant]" to save of an index; NULL or empty: all that is here */
} image_save_spec;

/* Checks the names; then writes one archive with all of them, deterministic byte for byte. The names are
   looked up before the first byte is written. Layers are uncompressed; an index whose manifests name others
   is written anew. */
mn_status image_save(image_store *images, const image_save_spec *spec, image_write_fn write, void *arg,
                     mn_err *err) MN_MUST_USE;

typedef struct image_import_spec {
        image_read_fn read;
        void *read_arg;
        const char *repository; /* "" for none; may hold a tag */
        const char *tag;
        const char *message;
        const char *source;   /* shown in the history: "-" or a URL */
        char *const *changes; /* Dockerfile instructions */
        const char *platform;
} image_import_spec;

/* Makes an image of one layer from a tar of a root file system. */
mn_status image_import(image_store *images, const image_import_spec *spec, char ret_id[IMAGE_ID_SIZE],
                       mn_err *err) MN_MUST_USE;

/* The same with the archive at `spec->source`, an http or https URL; `read` is not used. It goes through the
   proxies and certificates of registries. A download that breaks off leaves nothing behind. */
mn_status image_import_url(image_store *images, image_registry *registry, const image_import_spec *spec,
                           image_progress_fn report, void *arg, char ret_id[IMAGE_ID_SIZE],
                           mn_err *err) MN_MUST_USE;

/* Applies Dockerfile instructions (CMD ENTRYPOINT ENV EXPOSE LABEL ONBUILD STOPSIGNAL USER VOLUME WORKDIR
   HEALTHCHECK SHELL) to a configuration; strings go to the arena. */
mn_status image_apply_changes(oci_image_config *config, char *const *changes, mn_arena *arena,
                              mn_err *err) MN_MUST_USE;

/* ---- root file systems ---- */

typedef struct image_rootfs_spec {
        const char *image_id;
        int container_fd; /* the container's directory: `upper` and `work` are made there when missing; -1: a
                             read-only root without a writable layer */
        bool is_readonly; /* mount flag; the writable layer is there all the same */
        bool has_init_layer; /* Docker's files and directories the runtime mounts onto, above the image */
        bool is_volatile;    /* skips syncing the upper directory: for containers removed at exit */
        int userns_fd;       /* user namespace whose mapping the layers get; 0 or -1: none */
} image_rootfs_spec;

/* The root as a detached overlay mount: a descriptor that keeps it alive, to be attached once. */
mn_status image_rootfs_mount(image_store *images, const image_rootfs_spec *spec, int *ret_fd,
                             mn_err *err) MN_MUST_USE;

/* What the writable layer in `container_fd` changes against its image, sorted by path (docker diff). */
mn_status image_changes(image_store *images, const char *image_id, int container_fd, mn_arena *arena,
                        wire_change_list *ret, mn_err *err) MN_MUST_USE;

/* Writes the tree below `root_fd` (the root of a mounted root file system) as a tar (docker export). */
mn_status image_export_tree(int root_fd, image_write_fn write, void *arg, mn_err *err) MN_MUST_USE;

/* Writes the entry `name` of the directory `dir_fd` (NULL: the directory itself) with all below it as a tar
   in which it is called `as`. Links are archived, never followed. Names are sorted. */
mn_status image_tar_tree(int dir_fd, const char *name, const char *as, image_write_fn write, void *arg,
                         mn_err *err) MN_MUST_USE;

typedef struct image_commit_spec {
        const char *image_id;           /* the container's image */
        int container_fd;               /* holds `upper` */
        const oci_image_config *config; /* complete configuration of the new image */
        char *const *changes;           /* Dockerfile instructions applied to it */
        const char *author;
        const char *comment;
        const char *created_by; /* the container's command line, for the history */
        const char *container_id;
        const char *repository; /* "" for none */
        const char *tag;
} image_commit_spec;

/* Makes an image of a container's image plus its writable layer. */
mn_status image_commit(image_store *images, const image_commit_spec *spec, char ret_id[IMAGE_ID_SIZE],
                       mn_err *err) MN_MUST_USE;

typedef struct image_squash_spec {
        const char *name;
        const char *platform;
        const char *repository; /* "" for none */
        const char *tag;
        const char *message;
} image_squash_spec;

/* Makes an image of one layer with all an image has: what its layers removed is gone from it. Configuration
   and history stay; the original stays, too. */
mn_status image_squash(image_store *images, const image_squash_spec *spec, char ret_id[IMAGE_ID_SIZE],
                       mn_err *err) MN_MUST_USE;

/* Bytes in a container's writable layer, and of all layers of its image. */
mn_status image_container_size(image_store *images, const char *image_id, int container_fd, int64_t *ret_rw,
                               int64_t *ret_rootfs, mn_err *err) MN_MUST_USE;

/* ---- checking ---- */

/* One finding of a check. */
typedef struct image_finding {
        const char *object; /* "layer sha256:...", "image sha256:...", "document sha256:..." */
        const char *problem;
        const char *action; /* what was done about it; NULL: nothing */
} image_finding;

typedef struct image_check_spec {
        bool reads_data; /* every layer's and document's digest is computed again */
        bool repairs; /* orphans are removed and indexes made anew; contents that do not have their digest are
                         removed, so that the next pull or load of the image brings them again */
        void (*found)(void *arg, const image_finding *finding);
        void *arg;
} image_check_spec;

/* Compares database and disk: orphans, missing files, flipped bits. Others may use and change the store
   meanwhile. */
mn_status image_check(image_store *images, const image_check_spec *spec, mn_err *err) MN_MUST_USE;
