/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The little of D-Bus that talking to systemd takes: one connection, one call at a time, and the signals that
 * come meanwhile (D-Bus specification, "Message Protocol" and "Authentication Protocol"). Only the machine's
 * own byte order is spoken: both ends are on this machine. Every length that comes from outside is checked
 * before it is used. Functions return 0 or -errno; -EBADMSG means that the other side does not speak D-Bus as
 * we know it.
 */

#include <stdint.h>

#include "base/str.h"

enum {
        MN_DBUS_MAX_MESSAGE = 8 << 20, /* larger ones end the connection */
};

/* ---- writing a body ---- */

/* Bodies are built in an mn_str; alignment counts from its beginning. */
void mn_dbus_align(mn_str *body, size_t alignment); /* also begins a struct or dict entry: 8 */
void mn_dbus_put_byte(mn_str *body, uint8_t value);
void mn_dbus_put_bool(mn_str *body, bool value);
void mn_dbus_put_u32(mn_str *body, uint32_t value);
void mn_dbus_put_u64(mn_str *body, uint64_t value);
void mn_dbus_put_string(mn_str *body, const char *text); /* also object paths */
void mn_dbus_put_signature(mn_str *body, const char *signature);

/* Begins an array whose elements are aligned to `alignment`; what it returns goes to mn_dbus_end_array. */
typedef struct mn_dbus_array {
        size_t length_at, data_at;
} mn_dbus_array;
mn_dbus_array mn_dbus_begin_array(mn_str *body, size_t alignment);
void mn_dbus_end_array(mn_str *body, mn_dbus_array array);

typedef struct mn_dbus_request {
        const char *destination, *path, *interface, *member;
        const char *signature; /* of the body; NULL: none */
        const mn_str *body;
} mn_dbus_request;

/* Appends a whole method call to `out`, which must be empty. */
void mn_dbus_put_call(mn_str *out, const mn_dbus_request *request, uint32_t serial);

/* ---- reading ---- */

typedef enum mn_dbus_type {
        MN_DBUS_CALL = 1,
        MN_DBUS_RETURN = 2,
        MN_DBUS_ERROR = 3,
        MN_DBUS_SIGNAL = 4,
} mn_dbus_type;

/* A message; texts are "" when absent and point, as the body does, into the bytes it was read from. */
typedef struct mn_dbus_message {
        mn_dbus_type type;
        uint32_t serial, reply_serial;
        const char *path, *interface, *member, *error_name, *sender, *signature;
        const uint8_t *body;
        size_t body_len;
} mn_dbus_message;

/* The size of the message that begins with these bytes: -EAGAIN when they are too few to say, -EBADMSG,
   -EMSGSIZE when it is larger than MN_DBUS_MAX_MESSAGE. */
int64_t mn_dbus_message_size(const uint8_t *data, size_t len);

/* Reads one whole message. */
int mn_dbus_parse(const uint8_t *data, size_t len, mn_dbus_message *ret);

/* Reads a body value by value. After a failure everything fails. */
typedef struct mn_dbus_reader {
        const uint8_t *data;
        size_t len, at;
        bool has_failed;
} mn_dbus_reader;
mn_dbus_reader mn_dbus_read_body(const mn_dbus_message *m);
uint32_t mn_dbus_get_u32(mn_dbus_reader *r);       /* 0 on failure */
const char *mn_dbus_get_string(mn_dbus_reader *r); /* "" on failure; without NULs inside */
const char *mn_dbus_get_signature(mn_dbus_reader *r);

/* ---- a connection ---- */

typedef struct mn_dbus {
        int fd;
        uint32_t serial;
        mn_str in;       /* bytes that came */
        size_t consumed; /* those of the message handed out last */
} mn_dbus;

/* Connects to a unix socket and authenticates as our user. `is_bus`: a message bus is at the other end, not
   systemd itself: says Hello. Blocks until `deadline_ns` (monotonic) at most: -ETIMEDOUT. */
int mn_dbus_open(mn_dbus *bus, const char *path, bool is_bus, int64_t deadline_ns);
void mn_dbus_close(mn_dbus *bus);
#define cleanup_dbus MN_CLEANUP(mn_dbus_close)

/* Calls and waits for the answer, which is valid until the next use of the connection. Signals that come
   before it are dropped. -EREMOTEIO: the answer is an error, `ret` has its name and, as first value, its
   text. */
int mn_dbus_call(mn_dbus *bus, const mn_dbus_request *request, int64_t deadline_ns, mn_dbus_message *ret);

/* Waits for the next message; valid until the next use of the connection. */
int mn_dbus_next(mn_dbus *bus, int64_t deadline_ns, mn_dbus_message *ret);
