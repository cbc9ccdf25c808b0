/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Trees as layers. (image_export_tree and image_tar_tree are in image/image.h.) */

#include "image/image.h"

/* Writes the upper directory of an overlay as a layer: what it hides becomes ".wh." entries. */
mn_status image_tar_layer(int upper_fd, image_write_fn write, void *arg, mn_err *err) MN_MUST_USE;
