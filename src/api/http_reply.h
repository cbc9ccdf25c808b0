/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The request's inside, and the end of its answer. */

#include "api/http_private.h"

typedef enum http_answer {
        ANSWER_NONE,
        ANSWER_REPLY,    /* sent completely */
        ANSWER_STREAM,   /* chunks may follow */
        ANSWER_ABORTED,  /* a stream that must not look complete */
        ANSWER_HIJACKED, /* the connection is somebody else's */
} http_answer;

struct http_request {
        http_conn *conn;
        mn_arena *arena;
        mn_http_head head;
        mn_http_chunked chunked;
        uint64_t body_left;
        bool is_body_done, has_continued;
        mn_str headers; /* more headers of the answer, complete lines */
        http_answer answer;
        int status;
        bool is_chunked; /* the stream is framed in chunks */
        bool must_close;
        int pump_fd; /* our end of a socket pair, where the hijacked connection is TLS or WebSocket; or -1 */
        bool is_websocket;
};

/* Ends a stream; false when the connection cannot be used any more. */
bool http_reply_finish(http_request *r);
