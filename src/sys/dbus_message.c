/* SPDX-License-Identifier: Apache-2.0 */
/* D-Bus messages: bytes from values and values from bytes. */
#include <errno.h>
#include <string.h>

#include "sys/dbus.h"

enum {
        FIXED_HEADER = 16, /* up to and with the length of the header fields */
        PROTOCOL_VERSION = 1,
        MAX_HEADER_FIELDS = 1 << 16,
        FIELD_PATH = 1,
        FIELD_INTERFACE = 2,
        FIELD_MEMBER = 3,
        FIELD_ERROR_NAME = 4,
        FIELD_REPLY_SERIAL = 5,
        FIELD_DESTINATION = 6,
        FIELD_SENDER = 7,
        FIELD_SIGNATURE = 8,
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        BYTE_ORDER_MARK = 'l',
#else
        BYTE_ORDER_MARK = 'B',
#endif
};

/* ---- writing ---- */

void mn_dbus_align(mn_str *body, size_t alignment) {
        static const char zeros[8];
        mn_str_add_len(body, zeros, (alignment - body->len % alignment) % alignment);
}

void mn_dbus_put_byte(mn_str *body, uint8_t value) {
        mn_str_add_len(body, &value, 1);
}

void mn_dbus_put_u32(mn_str *body, uint32_t value) {
        mn_dbus_align(body, 4);
        mn_str_add_len(body, &value, sizeof(value));
}

void mn_dbus_put_bool(mn_str *body, bool value) {
        mn_dbus_put_u32(body, value);
}

void mn_dbus_put_u64(mn_str *body, uint64_t value) {
        mn_dbus_align(body, 8);
        mn_str_add_len(body, &value, sizeof(value));
}

void mn_dbus_put_string(mn_str *body, const char *text) {
        size_t len = strlen(text);
        mn_dbus_put_u32(body, (uint32_t) len);
        mn_str_add_len(body, text, len + 1);
}

void mn_dbus_put_signature(mn_str *body, const char *signature) {
        size_t len = strlen(signature);
        mn_dbus_put_byte(body, (uint8_t) len);
        mn_str_add_len(body, signature, len + 1);
}

mn_dbus_array mn_dbus_begin_array(mn_str *body, size_t alignment) {
        mn_dbus_put_u32(body, 0);
        mn_dbus_array array = { .length_at = body->len - 4 };
        mn_dbus_align(body, alignment);
        array.data_at = body->len;
        return array;
}

void mn_dbus_end_array(mn_str *body, mn_dbus_array array) {
        if (mn_str_error(body) < 0)
                return;
        uint32_t len = (uint32_t) (body->len - array.data_at);
        memcpy(body->data + array.length_at, &len, sizeof(len));
}

static void put_field(mn_str *out, uint8_t code, const char *type, const char *text) {
        if (!text || !*text)
                return;
        mn_dbus_align(out, 8);
        mn_dbus_put_byte(out, code);
        mn_dbus_put_signature(out, type);
        if (*type == 'g')
                mn_dbus_put_signature(out, text);
        else
                mn_dbus_put_string(out, text);
}

void mn_dbus_put_call(mn_str *out, const mn_dbus_request *request, uint32_t serial) {
        mn_dbus_put_byte(out, BYTE_ORDER_MARK);
        mn_dbus_put_byte(out, MN_DBUS_CALL);
        mn_dbus_put_byte(out, 0);
        mn_dbus_put_byte(out, PROTOCOL_VERSION);
        mn_dbus_put_u32(out, request->body ? (uint32_t) request->body->len : 0);
        mn_dbus_put_u32(out, serial);
        mn_dbus_array fields = mn_dbus_begin_array(out, 8);
        put_field(out, FIELD_PATH, "o", request->path);
        put_field(out, FIELD_INTERFACE, "s", request->interface);
        put_field(out, FIELD_MEMBER, "s", request->member);
        put_field(out, FIELD_DESTINATION, "s", request->destination);
        put_field(out, FIELD_SIGNATURE, "g", request->signature);
        mn_dbus_end_array(out, fields);
        mn_dbus_align(out, 8);
        if (request->body)
                mn_str_add_len(out, request->body->data, request->body->len);
}

/* ---- reading ---- */

/* The next `len` bytes after alignment, or NULL. */
static const uint8_t *take(mn_dbus_reader *r, size_t alignment, size_t len) {
        size_t at = r->at + (alignment - r->at % alignment) % alignment;
        if (r->has_failed || at > r->len || len > r->len - at) {
                r->has_failed = true;
                return NULL;
        }
        r->at = at + len;
        return r->data + at;
}

uint32_t mn_dbus_get_u32(mn_dbus_reader *r) {
        uint32_t value = 0;
        const uint8_t *bytes = take(r, 4, sizeof(value));
        if (bytes)
                memcpy(&value, bytes, sizeof(value));
        return value;
}

/* `len` bytes and their NUL, none inside. */
static const char *take_text(mn_dbus_reader *r, size_t len) {
        const uint8_t *text = len < MN_DBUS_MAX_MESSAGE ? take(r, 1, len + 1) : NULL;
        if (!text || memchr(text, '\0', len + 1) != text + len) {
                r->has_failed = true;
                return "";
        }
        return (const char *) text;
}

const char *mn_dbus_get_string(mn_dbus_reader *r) {
        return take_text(r, mn_dbus_get_u32(r));
}

const char *mn_dbus_get_signature(mn_dbus_reader *r) {
        const uint8_t *len = take(r, 1, 1);
        return len ? take_text(r, *len) : "";
}

mn_dbus_reader mn_dbus_read_body(const mn_dbus_message *m) {
        return (mn_dbus_reader){ .data = m->body, .len = m->body_len };
}

/* The three numbers of the fixed header. */
static int read_lengths(const uint8_t *data, size_t len, size_t *ret_header, size_t *ret_body) {
        uint32_t body, fields;
        if (len < FIXED_HEADER)
                return -EAGAIN;
        if (data[0] != BYTE_ORDER_MARK || data[3] != PROTOCOL_VERSION)
                return -EBADMSG;
        memcpy(&body, data + 4, sizeof(body));
        memcpy(&fields, data + 12, sizeof(fields));
        if (fields > MAX_HEADER_FIELDS || body > MN_DBUS_MAX_MESSAGE)
                return -EMSGSIZE;
        *ret_header = (FIXED_HEADER + (size_t) fields + 7) / 8 * 8;
        *ret_body = body;
        return 0;
}

int64_t mn_dbus_message_size(const uint8_t *data, size_t len) {
        size_t header, body;
        int r = read_lengths(data, len, &header, &body);
        if (r < 0)
                return r;
        return header + body > MN_DBUS_MAX_MESSAGE ? -EMSGSIZE : (int64_t) (header + body);
}

/* One header field: its code and a variant. Codes and types that we do not know end the reading: the known
   ones have fixed types, and nothing newer has been added since 2006 but the number of descriptors. */
static void read_field(mn_dbus_reader *r, mn_dbus_message *m) {
        const char **const texts[] = { [FIELD_PATH] = &m->path,
                                       [FIELD_INTERFACE] = &m->interface,
                                       [FIELD_MEMBER] = &m->member,
                                       [FIELD_ERROR_NAME] = &m->error_name,
                                       [FIELD_SENDER] = &m->sender };
        const uint8_t *code = take(r, 8, 1);
        const char *type = mn_dbus_get_signature(r);
        if (!code || r->has_failed)
                return;
        if (strcmp(type, "s") == 0 || strcmp(type, "o") == 0) {
                const char *text = mn_dbus_get_string(r);
                if (*code < MN_ARRAY_LEN(texts) && texts[*code] && !r->has_failed)
                        *texts[*code] = text;
        } else if (strcmp(type, "u") == 0) {
                uint32_t value = mn_dbus_get_u32(r);
                if (*code == FIELD_REPLY_SERIAL)
                        m->reply_serial = value;
        } else if (strcmp(type, "g") == 0) {
                const char *text = mn_dbus_get_signature(r);
                if (*code == FIELD_SIGNATURE && !r->has_failed)
                        m->signature = text;
        } else {
                r->has_failed = true;
        }
}

int mn_dbus_parse(const uint8_t *data, size_t len, mn_dbus_message *ret) {
        size_t header, body;
        int r = read_lengths(data, len, &header, &body);
        if (r < 0 || len != header + body)
                return r < 0 && r != -EAGAIN ? r : -EBADMSG;
        mn_dbus_message m = { .type = data[1],
                              .path = "",
                              .interface = "",
                              .member = "",
                              .error_name = "",
                              .sender = "",
                              .signature = "",
                              .body = data + header,
                              .body_len = body };
        memcpy(&m.serial, data + 8, sizeof(m.serial));
        uint32_t fields;
        memcpy(&fields, data + 12, sizeof(fields));
        mn_dbus_reader reader = { .data = data, .len = FIXED_HEADER + fields, .at = FIXED_HEADER };
        while (!reader.has_failed && reader.at < reader.len)
                read_field(&reader, &m);
        if (reader.has_failed || data[1] < MN_DBUS_CALL || data[1] > MN_DBUS_SIGNAL)
                return -EBADMSG;
        *ret = m;
        return 0;
}
