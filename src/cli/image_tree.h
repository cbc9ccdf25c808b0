/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* `images --tree`. */

#include "cli/cli.h"

/* Prints the images of GET /images/json?manifests=1, each with the platforms of its index below. */
void image_tree_print(cli *c, const mn_json *images, bool is_full);
