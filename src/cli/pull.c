/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/pull.h"

#include "cli/config.h"
#include "cli/progress.h"
#include "codec/reference.h"

mn_status pull_image(cli *c, const pull_spec *spec, mn_err *err) {
        mn_reference reference;
        char name[MN_REFERENCE_TEXT_SIZE];
        const char *header;
        client *peer;
        cleanup_str mn_str target = MN_STR_INIT(0);
        cleanup_stream client_stream *stream = NULL;
        mn_status status = mn_reference_parse(spec->image, &reference, err);
        if (!status)
                status = config_auth_header(c, spec->image, &header, err);
        if (!status)
                status = cli_client(c, &peer, err);
        if (status)
                return status;
        if (!spec->has_all_tags)
                mn_reference_add_default_tag(&reference);
        mn_str_add(&target, "/images/create");
        client_add_query(&target, "fromImage", mn_reference_name(&reference, name));
        client_add_query(&target, "tag",
                         *reference.digest ? reference.digest
                         : *reference.tag  ? reference.tag
                                           : NULL);
        client_add_query(&target, "platform", spec->platform);
        client_add_query(&target, "verify", spec->is_verified ? "1" : NULL);
        const client_request request = { .method = "POST", .target = mn_str_text(&target), .header = header };
        status = client_stream_open(peer, &request, &stream, err);
        return status ? status : progress_show(c, stream, spec->fd, NULL, err);
}
