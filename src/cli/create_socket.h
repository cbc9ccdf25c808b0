/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* --use-api-socket: the container gets the daemon's socket, and the user's credentials for registries. */

#include "cli/create.h"

/* Adds the socket's mount, and DOCKER_CONFIG to the environment when there are credentials and the user has
 * not set it. MN_INVALID when the daemon is not reached by a unix socket. */
mn_status create_socket_add(cli *c, create_request *request, mn_err *err) MN_MUST_USE;

/* Puts the credentials into the container that was made, when `request` says so. */
mn_status create_socket_fill(cli *c, const create_request *request, const char *id, mn_err *err) MN_MUST_USE;
