/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/image_tree.h"

#include <stdio.h>
#include <string.h>

#include "cli/table.h"
#include "cli/text.h"
#include "codec/size.h"

typedef struct row {
        const char *name, *id;
        double disk, content;
        bool is_used;
} row;

static void add_cell(mn_str *out, const char *text) {
        text_add_safe(out, text, strlen(text), false);
        mn_str_add_char(out, '\t');
}

static void add_size(mn_str *out, double size) {
        char text[MN_SIZE_TEXT_SIZE];
        add_cell(out, mn_size_human(size, 3, text));
}

static void add_row(cli *c, const row *r, const char *lead, bool is_full, mn_str *out) {
        mn_str_add(out, lead);
        add_cell(out, r->name);
        add_cell(out, is_full ? r->id : cli_short_id(c, r->id));
        add_size(out, r->disk);
        add_size(out, r->content);
        mn_str_add(out, r->is_used ? "U\n" : "\n");
}

static const char *platform_text(cli *c, const mn_json *platform) {
        const char *variant = cli_text(platform, "variant");
        return mn_arena_printf(c->arena, "%s/%s%s%s", cli_text(platform, "os"),
                               cli_text(platform, "architecture"), *variant ? "/" : "", variant);
}

static bool is_image(const mn_json *manifest) {
        return strcmp(cli_text(manifest, "Kind"), "image") == 0;
}

static row row_of(cli *c, const mn_json *manifest) {
        const mn_json *data = mn_json_get(manifest, "ImageData"), *size = mn_json_get(manifest, "Size");
        const mn_json *containers = mn_json_get(data, "Containers");
        return (row){ .name = platform_text(c, mn_json_get(data, "Platform")),
                      .id = cli_text(manifest, "ID"),
                      .disk = cli_double(size, "Total"),
                      .content = cli_double(size, "Content"),
                      .is_used = containers && containers->child };
}

/* The name's own row: what of all its platforms is here. */
static row sum_of(cli *c, const mn_json *image, const mn_json *manifests) {
        row sum = { .id = cli_text(image, "Id"), .disk = cli_double(image, "Size") };
        sum.is_used = cli_number(image, "Containers") > 0;
        if (manifests && manifests->child)
                sum.disk = 0;
        for (const mn_json *m = manifests ? manifests->child : NULL; m; m = m->next) {
                row r = is_image(m) ? row_of(c, m)
                                    : (row){ .disk = cli_double(mn_json_get(m, "Size"), "Total") };
                sum.disk += r.disk;
                sum.content += r.content;
                sum.is_used = sum.is_used || r.is_used;
        }
        return sum;
}

static void add_image(cli *c, const mn_json *image, const char *name, bool is_full, mn_str *out) {
        const mn_json *manifests = mn_json_get(image, "Manifests");
        row top = sum_of(c, image, manifests);
        top.name = name;
        add_row(c, &top, "", is_full, out);
        const mn_json *last = NULL;
        for (const mn_json *m = manifests ? manifests->child : NULL; m; m = m->next)
                last = is_image(m) ? m : last;
        for (const mn_json *m = manifests ? manifests->child : NULL; m; m = m->next) {
                if (!is_image(m))
                        continue;
                row r = row_of(c, m);
                add_row(c, &r, m == last ? "└─ " : "├─ ", is_full, out);
        }
}

void image_tree_print(cli *c, const mn_json *images, bool is_full) {
        cleanup_str mn_str text = MN_STR_INIT(0), out = MN_STR_INIT(0);
        mn_str_add(&text, "IMAGE\tID\tDISK USAGE\tCONTENT SIZE\tEXTRA\n");
        for (const mn_json *image = images ? images->child : NULL; image; image = image->next) {
                const mn_json *tags = mn_json_get(image, "RepoTags");
                for (const mn_json *tag = tags ? tags->child : NULL; tag; tag = tag->next)
                        add_image(c, image, tag->text ? tag->text : "", is_full, &text);
                if (!tags || !tags->child)
                        add_image(c, image, "<untagged>", is_full, &text);
        }
        table_align(mn_str_text(&text), 0, 3, &out);
        fputs(mn_str_text(&out), stdout);
}
