/* SPDX-License-Identifier: Apache-2.0 */
/* Messages as they come from systemd or from a bus, and the bodies that the runtime reads of them: "o", "s"
   and the "uoss" of JobRemoved. */
#include <assert.h>
#include <string.h>

#include "sys/dbus.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
        mn_dbus_message m;
        int64_t size = mn_dbus_message_size(data, len);
        assert(size <= MN_DBUS_MAX_MESSAGE);
        if (size < 0 || (size_t) size > len || mn_dbus_parse(data, (size_t) size, &m) < 0)
                return 0;
        const char *texts[] = { m.path, m.interface, m.member, m.error_name, m.sender, m.signature };
        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
                assert(!*texts[i] || (texts[i] > (const char *) data &&
                                      texts[i] + strlen(texts[i]) < (const char *) data + size));
        assert(m.body + m.body_len == data + size);
        mn_dbus_reader r = mn_dbus_read_body(&m);
        if (strcmp(m.signature, "uoss") == 0)
                (void) mn_dbus_get_u32(&r);
        while (!r.has_failed && r.at < r.len)
                (void) mn_dbus_get_string(&r);
        return 0;
}
