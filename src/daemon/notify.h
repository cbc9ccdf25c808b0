/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Messages to the service manager (sd_notify(3)), without its library. Nothing happens without NOTIFY_SOCKET.
 */

void notify_ready(void);
void notify_reloading(void);
void notify_stopping(void);
