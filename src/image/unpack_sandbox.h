/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the worker minato-unpack gives away before it reads the first byte of a layer. */

/*
 * Makes the directory behind `dir_fd` the root and current directory of a mount namespace of its own, mounted
 * without devices, set-id programs and execution; takes namespaces without network, IPC and the host's name;
 * limits memory and descriptors; keeps only the capabilities that writing other users' files needs; and, as
 * far as the kernel has them, lets Landlock refuse execution and all networking, and seccomp every system
 * call but those on a list. A call that is not on it ends the process. 0 or -errno.
 */
int unpack_sandbox_enter(int dir_fd);
