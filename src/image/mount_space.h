/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A mount namespace of the store's own, with a thread that lives in it. Kernels before 6.15 make overlays
 * only of layers that are mounted somewhere in the caller's namespace, not of detached mounts: there the
 * layers are attached in this namespace, and the thread makes the overlays. The host's mount table sees
 * nothing of it, and all of it goes with the process.
 */

typedef struct mount_space mount_space;

/* Starts the thread. `data_root` is an absolute path; below it `layers` is seen as outside, and the thread
   attaches mounts on its own file system over `tmp`. 0 or -errno. */
int mount_space_open(const char *data_root, mount_space **ret);

/* Ends the thread, and so all mounts that nobody else has. NULL is accepted. */
void mount_space_free(mount_space *space);

/* Runs `step` on the thread and waits for it; at once when called on it. */
void mount_space_run(mount_space *space, void (*step)(void *arg), void *arg);

/* ---- for steps ---- */

/* The folder `layers`, as a descriptor of this namespace; borrowed. */
int mount_space_layers(const mount_space *space);

/* Attaches a detached mount under `name` (one component): a descriptor of its root, by whose path an overlay
   takes it, or -errno. */
int mount_space_attach(mount_space *space, int mount_fd, const char *name);

/* Takes off the mount `name`; users of it keep it. */
void mount_space_detach(mount_space *space, const char *name);

/* The directory behind `fd`, which is on a mount of the host, as this namespace has it: a descriptor or
 * -errno. */
int mount_space_reopen(const mount_space *space, int fd);

/* A file system made by mount(2), as a detached mount or -errno. `folder` is what paths in `options` are
   relative to; `flags` are MS_*. */
int mount_space_make(mount_space *space, const char *type, const char *folder, unsigned long flags,
                     const char *options);
