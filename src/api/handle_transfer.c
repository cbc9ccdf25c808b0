/* SPDX-License-Identifier: Apache-2.0 */
/* Images that come and go: pull, push, import, load, save. All but save answer with a stream of progress
 * messages; once it has begun, a failure is its last message. */
#include <errno.h>
#include <string.h>

#include "api/handlers.h"
#include "events/events.h"
#include "image/image.h"

/* ---- plumbing between the engine and the connection ---- */

static bool report_progress(void *arg, const image_progress *message) {
        cleanup_str mn_str line = { 0 };
        image_progress_encode(message, &line);
        return api_stream_json(arg, "application/json", line.data, line.len);
}

static ssize_t read_request(void *arg, void *buf, size_t len) {
        api_call *c = arg;
        return http_request_read(c->request, buf, len);
}

/* Begins the stream with the first bytes, so that an error before them still has its status. */
static int write_archive(void *arg, const void *buf, size_t len) {
        api_call *c = arg;
        if (!http_request_is_answered(c->request)) {
                int r = http_stream_begin(c->request, 200, "application/x-tar");
                if (r < 0)
                        return r;
        }
        return http_stream_write(c->request, buf, len);
}

/* {"status": text} as one message. */
static bool send_status(api_call *c, const char *text) {
        return report_progress(c, &(image_progress){ .status = text });
}

/* The event of a finished transfer with a registry: about the reference, named by its repository. */
static void publish(api_call *c, const char *action, const mn_reference *reference) {
        char text[MN_REFERENCE_TEXT_SIZE], name[MN_REFERENCE_TEXT_SIZE];
        mn_str_pair pair = { (char *) "name", (char *) mn_reference_familiar_name(reference, name) };
        mn_str_map attributes = { .items = &pair, .len = 1 };
        events_publish(c->engine->events, "image", action, mn_reference_familiar(reference, text),
                       &attributes);
}

/* ---- pull and import ---- */

static mn_status pull(api_call *c, mn_err *err) {
        mn_reference reference;
        image_auth *auth;
        const char *tag = api_param(c, "tag");
        mn_status s = mn_reference_parse(api_param(c, "fromImage"), &reference, err);
        if (s == MN_OK && tag && *tag)
                s = mn_reference_set_tag_or_digest(&reference, tag, err);
        const char *platform;
        if (s == MN_OK)
                s = api_image_platform(c, &platform, err);
        if (s == MN_OK)
                s = api_image_auth(c, &auth, err);
        if (s != MN_OK)
                return s;
        image_pull_spec spec = {
                .reference = &reference,
                .has_all_tags = !*reference.tag && !*reference.digest,
                .platform = platform,
                .auth = auth,
                .is_verified = api_param_bool_or(c, "verify", false),
        };
        s = image_pull(c->engine->images, c->engine->registry, &spec, report_progress, c, err);
        if (s != MN_OK)
                return api_stream_fail(c, s, err);
        publish(c, "pull", &reference);
        return MN_OK;
}

static mn_status import(api_call *c, mn_err *err) {
        char id[IMAGE_ID_SIZE];
        const char *source = api_param(c, "fromSrc"), *repository = api_param(c, "repo"),
                   *tag = api_param(c, "tag");
        image_import_spec spec = {
                .read = read_request,
                .read_arg = c,
                .repository = repository ? repository : "",
                .tag = tag,
                .message = api_param(c, "message"),
                .source = source,
                .changes = api_param_list(c, "changes"),
                .platform = api_param(c, "platform"),
        };
        mn_status s = strcmp(source, "-") == 0 ? image_import(c->engine->images, &spec, id, err)
                                               : image_import_url(c->engine->images, c->engine->registry,
                                                                  &spec, report_progress, c, id, err);
        if (s != MN_OK)
                return api_stream_fail(c, s, err);
        send_status(c, id);
        return MN_OK;
}

mn_status api_image_create(api_call *c, mn_err *err) {
        const char *image = api_param(c, "fromImage"), *source = api_param(c, "fromSrc");
        if (image && *image)
                return pull(c, err);
        if (source && *source)
                return import(c, err);
        return mn_fail(err, MN_INVALID, "invalid reference format");
}

/* ---- push ---- */

mn_status api_image_push(api_call *c, mn_err *err) {
        mn_reference reference;
        image_auth *auth;
        const char *tag = api_param(c, "tag");
        mn_status s = mn_reference_parse(c->vars[0], &reference, err);
        if (s == MN_OK && tag && *tag)
                s = mn_reference_set_tag_or_digest(&reference, tag, err);
        image_push_spec spec = { .reference = &reference };
        if (s == MN_OK)
                s = api_image_platform(c, &spec.platform, err);
        if (s == MN_OK)
                s = api_image_auth(c, &auth, err);
        if (s != MN_OK)
                return s;
        spec.auth = auth;
        s = image_push(c->engine->images, c->engine->registry, &spec, report_progress, c, err);
        if (s != MN_OK)
                return api_stream_fail(c, s, err);
        publish(c, "push", &reference);
        return MN_OK;
}

/* ---- archives ---- */

mn_status api_image_load(api_call *c, mn_err *err) {
        image_load_spec spec = {
                .read = read_request,
                .read_arg = c,
                .report = report_progress,
                .report_arg = c,
                .is_quiet = api_param_bool_or(c, "quiet", true),
        };
        mn_status s = api_image_platforms(c, "platform", &spec.platforms, err);
        if (s == MN_OK)
                s = image_load(c->engine->images, &spec, err);
        if (s != MN_OK)
                return api_stream_fail(c, s, err);
        if (!http_request_is_answered(c->request))
                (void) http_stream_begin(c->request, 200, "application/json");
        return MN_OK;
}

static mn_status save(api_call *c, char *const *names, mn_err *err) {
        image_save_spec spec = { .names = names };
        if (!names[0])
                return mn_fail(err, MN_INVALID, "no images to save");
        mn_status s = api_image_platforms(c, "platform", &spec.platforms, err);
        return s == MN_OK ? image_save(c->engine->images, &spec, write_archive, c, err) : s;
}

mn_status api_image_save(api_call *c, mn_err *err) {
        char *names[] = { (char *) c->vars[0], NULL };
        return save(c, names, err);
}

mn_status api_images_save(api_call *c, mn_err *err) {
        return save(c, api_param_list(c, "names"), err);
}
