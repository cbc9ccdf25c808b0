/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Loop devices: a file as a block device, for file systems that mount nothing else. */

/* Makes a read-only loop device of blocks of 512 bytes over the file behind `fd`: a descriptor of the device
   or -errno (-ENOENT, -ENODEV: this kernel or this /dev has none). The device goes with its last user, be
   that the descriptor or a mount of it, also when the process is killed. */
int mn_loop_attach(int fd);
