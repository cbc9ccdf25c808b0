/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What was removed from the store: out of sight already under a name of its own in tmp/, and taken off the
 * disk by a thread that runs while there is something to take. Unlinking a layer of gigabytes takes the file
 * system long (its pages and its blocks), and nobody has to wait for that.
 */

typedef struct image_trash image_trash;

/* `tmp_fd` is borrowed. */
image_trash *image_trash_new(int tmp_fd) __attribute__((returns_nonnull));

/* Waits until all is gone. NULL is accepted. */
void image_trash_free(image_trash *trash);

/* Takes over the file or tree `name` of tmp/, and a mount of it that is closed before (-1: none). */
void image_trash_add(image_trash *trash, const char *name, int mount_fd);

/* Waits until what was added before is gone. */
void image_trash_wait(image_trash *trash);

/* The same when the disk is nearly full: before something large is written. */
void image_trash_make_room(image_trash *trash);
