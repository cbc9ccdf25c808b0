/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/seccomp_listener.h"

#include "base/str.h"
#include "sys/fd.h"

enum { MAX_STATE = 1 << 20 };

mn_status seccomp_send_listener(int socket_fd, int listener_fd, const container_record *record,
                                container_status status, const oci_spec *spec, pid_t pid, mn_err *err) {
        static char fd_name[] = "seccompFd", version[] = OCI_VERSION;
        char *fds[] = { fd_name, NULL };
        oci_container_process_state state = {
                .oci_version = version,
                .fds = fds,
                .pid = pid,
                .metadata = spec->linux_->seccomp->listener_metadata,
                .state = container_oci_state(record, status, &spec->annotations),
        };
        cleanup_str mn_str text = MN_STR_INIT(MAX_STATE);
        mn_json_encode(&oci_container_process_state_type, &state, 0, &text);
        int r = mn_send_fds(socket_fd, mn_str_text(&text), text.len, &listener_fd, 1);
        mn_close(listener_fd);
        mn_close(socket_fd);
        return r < 0 ? mn_fail_errno(err, r, "linux.seccomp.listenerPath: sending the descriptor") : MN_OK;
}
