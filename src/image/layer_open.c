/* SPDX-License-Identifier: Apache-2.0 */
/* Which driver, and where its mounts are: what the options say, else what this kernel and data root can,
 * tried out. */

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "codec/digest.h"
#include "codec/tar.h"
#include "image/layer_private.h"
#include "image/overlay.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/mountfd.h"
#include "sys/path.h"

static const layer_driver *const drivers[] = { &layer_driver_erofs, &layer_driver_erofs_loop,
                                               &layer_driver_unpack };

/* ---- options ---- */

enum place { PLACE_ANY, PLACE_DETACHED, PLACE_ATTACHED, PLACE_STRING };

struct choice {
        const char *driver;
        const char *backing; /* "": any */
        enum place place;
};

static const struct {
        const char *text;
        const char *backing;
        enum place place;
} known_options[] = {
        { "erofs.backing=file", "files", PLACE_ANY },
        { "erofs.backing=loop", "loop devices", PLACE_ANY },
        { "overlay.layers=detached", NULL, PLACE_DETACHED },
        { "overlay.layers=attached", NULL, PLACE_ATTACHED },
        { "overlay.layers=string", NULL, PLACE_STRING },
        { "overlay2.override_kernel_check=true", NULL, PLACE_ANY }, /* Docker's, in many a daemon.json */
};

static mn_status take_option(struct choice *choice, const char *text, mn_err *err) {
        for (size_t i = 0; i < MN_ARRAY_LEN(known_options); i++) {
                if (strcmp(text, known_options[i].text) != 0)
                        continue;
                choice->backing = known_options[i].backing ? known_options[i].backing : choice->backing;
                choice->place = known_options[i].place ? known_options[i].place : choice->place;
                return MN_OK;
        }
        return mn_fail(err, MN_INVALID,
                       "unknown storage option \"%s\": there are erofs.backing=file|loop and "
                       "overlay.layers=detached|attached|string",
                       text);
}

/* ---- trials ---- */

/* The empty layer of a trial. */
struct trial {
        layer_store *layers;
        char name[LAYER_TMP_NAME_SIZE];
        int dir_fd;
        int result;
};

static int make_trial(layer_store *layers, const layer_driver *driver, struct trial *trial) {
        static const char empty_tar[2 * MN_TAR_BLOCK];
        char diff_id[MN_DIGEST_SIZE];
        void *making;
        trial->layers = layers;
        trial->dir_fd = layer_make_tmp(layers, trial->name);
        if (trial->dir_fd < 0)
                return trial->dir_fd;
        int r = driver->begin(layers, trial->dir_fd, &making);
        if (r < 0)
                return r;
        if (driver->parse)
                r = driver->parse(making, empty_tar, sizeof(empty_tar));
        if (r == 0)
                r = driver->write(making, empty_tar, sizeof(empty_tar));
        if (r == 0)
                r = driver->finish(making, mn_digest_of(empty_tar, sizeof(empty_tar), diff_id),
                                   sizeof(empty_tar));
        driver->free(making);
        return r;
}

static void drop_trial(struct trial *trial) {
        if (trial->dir_fd >= 0)
                mn_remove_tree(trial->layers->tmp_fd, trial->name);
        mn_close(trial->dir_fd);
}

/* An overlay of the layer at `mount_fd` and a folder, as containers get it: 0 or -errno. */
static int try_overlay(const layer_store *layers, mount_space *space, int mount_fd, int folder_fd) {
        cleanup_overlay overlay_maker overlay;
        int r = overlay_begin(&overlay, space, layers->wants_string);
        if (r >= 0)
                r = overlay_add_lower(&overlay, mount_fd);
        if (r >= 0)
                r = overlay_add_lower(&overlay, folder_fd);
        cleanup_close int fd = r < 0 ? r : overlay_mount(&overlay, true);
        return MN_MIN(0, fd);
}

static int overlay_of_detached(struct trial *trial, const layer_driver *driver) {
        cleanup_close int mount = driver->mount(trial->dir_fd);
        return mount < 0 ? mount : try_overlay(trial->layers, NULL, mount, trial->layers->fd);
}

/* On the thread of the space, where the trial's own directory is hidden: an empty file system is the layer.
 */
static void overlay_of_attached(void *arg) {
        struct trial *trial = arg;
        mount_space *space = trial->layers->space;
        cleanup_close int context = mn_fs_open("tmpfs");
        cleanup_close int mount = context < 0 ? context : mn_fs_mount(context, MN_MOUNT_RDONLY);
        cleanup_close int at = mount < 0 ? mount : mount_space_attach(space, mount, trial->name);
        trial->result = at < 0 ? at : try_overlay(trial->layers, space, at, mount_space_layers(space));
        if (at >= 0)
                mount_space_detach(space, trial->name);
}

/* Whether overlays can be made in the space: of layers one by one, else of all in one string. */
static int try_space(layer_store *layers, enum place place, struct trial *trial) {
        for (int way = place == PLACE_STRING; way <= (place != PLACE_ATTACHED); way++) {
                layers->wants_string = way;
                mount_space_run(layers->space, overlay_of_attached, trial);
                if (trial->result >= 0)
                        break;
        }
        return trial->result;
}

/* Overlays of layers need a place of their own on this kernel, unless the options say otherwise. */
static mn_status choose_place(layer_store *layers, const char *data_root, enum place place,
                              struct trial *trial, mn_err *err) {
        bool is_space_forced = place == PLACE_ATTACHED || place == PLACE_STRING;
        int r = is_space_forced ? -EINVAL : overlay_of_detached(trial, layers->driver);
        if (r >= 0)
                return MN_OK;
        if (place == PLACE_DETACHED)
                return mn_fail_errno(err, r, "storage option overlay.layers=detached does not work here");
        int opened = mount_space_open(data_root, &layers->space);
        if (opened < 0)
                return mn_fail_errno(err, opened, "making a mount namespace for the layers");
        r = try_space(layers, place, trial);
        if (r >= 0)
                return MN_OK;
        if (is_space_forced)
                return mn_fail_errno(err, r, "storage option overlay.layers=%s does not work here",
                                     place == PLACE_STRING ? "string" : "attached");
        /* None does: images can be kept all the same, and a container's start says what is wrong. */
        mn_warn("this host makes no overlays of layers: containers will not start", " error=\"%s\"",
                mn_strerror(r));
        mount_space_free(layers->space);
        layers->space = NULL;
        layers->wants_string = false;
        return MN_OK;
}

static bool is_wanted(const layer_driver *driver, const struct choice *choice) {
        bool is_erofs = strcmp(driver->name, "erofs") == 0;
        return (mn_str_is_empty(choice->driver) || !strcmp(choice->driver, driver->name)) &&
               (!is_erofs || !choice->backing || !strcmp(choice->backing, driver->backing));
}

static mn_status try_driver(layer_store *layers, const layer_driver *driver, const char *data_root,
                            const struct choice *choice, mn_err *err) {
        struct trial trial = { 0 };
        int r = make_trial(layers, driver, &trial);
        cleanup_close int mount = r < 0 ? r : driver->mount(trial.dir_fd);
        mn_status st = MN_OK;
        if (mount >= 0) {
                layers->driver = driver;
                st = choose_place(layers, data_root, choice->place, &trial, err);
        }
        drop_trial(&trial);
        return st;
}

/* Layers of the driver erofs are mounted even when another one writes new ones. */
static void find_erofs(layer_store *layers) {
        layers->erofs = strcmp(layers->driver->name, "erofs") == 0 ? layers->driver : NULL;
        for (size_t i = 0; !layers->erofs && i < MN_ARRAY_LEN(drivers); i++) {
                struct trial trial = { 0 };
                if (strcmp(drivers[i]->name, "erofs") != 0)
                        continue;
                int r = make_trial(layers, drivers[i], &trial);
                cleanup_close int mount = r < 0 ? r : drivers[i]->mount(trial.dir_fd);
                if (mount >= 0)
                        layers->erofs = drivers[i];
                drop_trial(&trial);
        }
}

mn_status layer_store_choose(layer_store *layers, const char *data_root, const layer_options *options,
                             mn_err *err) {
        struct choice choice = { .driver = options->driver };
        mn_status st = MN_OK;
        for (char *const *o = options->options; !st && o && *o; o++)
                st = take_option(&choice, *o, err);
        for (size_t i = 0; !st && !layers->driver && i < MN_ARRAY_LEN(drivers); i++)
                if (is_wanted(drivers[i], &choice))
                        st = try_driver(layers, drivers[i], data_root, &choice, err);
        if (st)
                return st;
        if (!layers->driver)
                return mn_fail(err, MN_INVALID,
                               "storage driver \"%s\" is unknown or does not work on this host",
                               mn_str_is_empty(choice.driver) ? "erofs, unpack" : choice.driver);
        find_erofs(layers);
        return MN_OK;
}
