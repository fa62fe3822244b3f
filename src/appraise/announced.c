/*
 * announced.c - read announcements, and look a measurement up in them.
 *
 * Who may send these bytes: a guest whose boot was judged good, or an operator.
 */
#include "appraise/announced.h"

#include "appraise/cmdline.h"
#include "base/codec.h"
#include "json/json.h"

#include <string.h>

static const char schema[] = "bootwarden-announcement/1";

/* What can be announced: what an update replaces. Keys, firmware and boot path never explain
 * themselves, and a guest's word does not explain them either. */
static const struct {
    const char *name;
    enum reason_code code;
} classes[] = {
    {"loader", REASON_CHANGE_LOADER},
    {"kernel", REASON_CHANGE_KERNEL},
    {"initrd", REASON_CHANGE_INITRD},
    {"cmdline", REASON_CHANGE_CMDLINE},
    {"uki", REASON_CHANGE_UKI},
    {"grub-config", REASON_CHANGE_GRUB_CONFIG},
    {"credentials", REASON_CHANGE_CREDENTIALS},
    {"sysext", REASON_CHANGE_SYSEXT},
};

static err_t read_class(yyjson_val *object, struct trail *trail, enum reason_code *ret)
{
    struct span name = {0};
    err_t err = json_need_string(object, "class", trail, &name);

    for (size_t i = 0; err == ERR_OK && i < ARRAY_LEN(classes); i++) {
        if (span_equal(name, span_str(classes[i].name))) {
            *ret = classes[i].code;
            return ERR_OK;
        }
    }
    if (err == ERR_OK) {
        trail_set(trail, ERR_VALUE,
                  "cannot be announced; there are loader, kernel, initrd, cmdline, uki, "
                  "grub-config, credentials and sysext");
        err = trail_in(trail, ERR_VALUE, "class");
    }
    return err;
}

static err_t read_digest(struct arena *arena, yyjson_val *value, struct trail *trail,
                         struct announced_item *item)
{
    struct span bytes = {0};

    if (hex_decode(arena, json_span(value), &bytes) != ERR_OK || bytes.len != SHA256_BYTES) {
        trail_set(trail, ERR_VALUE, "must be 64 hexadecimal digits");
        return trail_in(trail, ERR_VALUE, "sha256");
    }
    memcpy(item->digest[item->n_digests++], bytes.data, SHA256_BYTES);
    return ERR_OK;
}

static err_t add_digest_of(struct hasher *hasher, struct span bytes, struct announced_item *item)
{
    return hasher_once(hasher, HASH_SHA256, bytes, item->digest[item->n_digests++]);
}

/* GRUB measures the text as it is (PCR 8), the kernel's stub UTF-16 with its NUL (PCR 9), and
 * systemd-stub UTF-16 with it or, in other versions, without (PCR 12). */
static err_t digest_text(struct arena *arena, struct hasher *hasher, struct announced_item *item)
{
    size_t size = 2 * item->text.len + 2;
    uint8_t *wide = arena_calloc(arena, size, 1);
    err_t err = wide == NULL ? ERR_MEMORY : ERR_OK;

    for (size_t i = 0; err == ERR_OK && i < item->text.len; i++) {
        wide[2 * i] = item->text.data[i];
    }
    err = err ? err : add_digest_of(hasher, item->text, item);
    err = err ? err : add_digest_of(hasher, span_of(wide, size), item);
    return err ? err : add_digest_of(hasher, span_of(wide, size - 2), item);
}

static bool is_plain_text(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < 0x20 || text.data[i] > 0x7e) {
            return false;
        }
    }
    return text.len > 0 && text.len <= ANNOUNCED_TEXT_MAX;
}

static err_t read_text(struct arena *arena, yyjson_val *value, struct hasher *hasher,
                       struct trail *trail, struct announced_item *item)
{
    struct span text = json_span(value);

    if (item->code != REASON_CHANGE_CMDLINE || !is_plain_text(text)) {
        trail_set(trail, ERR_VALUE, "is for cmdline, and 1 to %d printable ASCII characters",
                  ANNOUNCED_TEXT_MAX);
        return trail_in(trail, ERR_VALUE, "text");
    }
    item->text = arena_dup(arena, text);
    return item->text.data == NULL ? ERR_MEMORY : digest_text(arena, hasher, item);
}

static err_t read_item(struct arena *arena, yyjson_val *object, struct hasher *hasher,
                       struct trail *trail, struct announced_item *item)
{
    yyjson_val *digest = json_get(object, "sha256");
    yyjson_val *text = json_get(object, "text");
    err_t err = yyjson_is_obj(object) ? read_class(object, trail, &item->code)
                                      : trail_set(trail, ERR_JSON_TYPE, "must be an object");

    if (err) {
        return err;
    }
    if ((digest == NULL) == (text == NULL) || yyjson_obj_size(object) != 2) {
        return trail_set(trail, ERR_VALUE, "must be class and either sha256 or text");
    }
    return digest != NULL ? read_digest(arena, digest, trail, item)
                          : read_text(arena, text, hasher, trail, item);
}

static err_t read_root(struct arena *arena, struct span json, struct trail *trail, yyjson_val **ret)
{
    yyjson_val *root = NULL;
    yyjson_val *list = NULL;
    struct span name = {0};
    err_t err = json.len > ANNOUNCED_MAX_BYTES
                    ? trail_set(trail, ERR_TOO_LARGE, "announcement of %zu bytes, %d are allowed",
                                json.len, ANNOUNCED_MAX_BYTES)
                    : json_read(arena, json, NULL, trail, &root);

    err = err ? err : json_need_string(root, "schema", trail, &name);
    if (err == ERR_OK && !span_equal(name, span_str(schema))) {
        trail_set(trail, ERR_UNSUPPORTED, "is not %s", schema);
        err = trail_in(trail, ERR_UNSUPPORTED, "schema");
    }
    err = err ? err : json_need_array(root, "expect", trail, &list);
    if (err == ERR_OK && yyjson_arr_size(list) > ANNOUNCED_MAX_ITEMS) {
        trail_set(trail, ERR_TOO_MANY, "more than %d items", ANNOUNCED_MAX_ITEMS);
        err = trail_in(trail, ERR_TOO_MANY, "expect");
    }
    if (err == ERR_OK) {
        *ret = list;
    }
    return err;
}

err_t announced_read(struct arena *arena, struct span json, struct hasher *hasher,
                     struct trail *trail, struct announced **ret)
{
    struct announced *announced = arena_calloc(arena, 1, sizeof(*announced));
    yyjson_val *list = NULL, *object;
    size_t i, n;
    err_t err = announced == NULL ? ERR_MEMORY : read_root(arena, json, trail, &list);

    if (err) {
        return err;
    }
    announced->items = arena_calloc(arena, yyjson_arr_size(list) + 1, sizeof(*announced->items));
    if (announced->items == NULL) {
        return ERR_MEMORY;
    }
    yyjson_arr_foreach(list, i, n, object)
    {
        err = read_item(arena, object, hasher, trail, &announced->items[i]);
        if (err) {
            return trail_in(trail, err, arena_printf(arena, "expect[%zu]", i));
        }
    }
    announced->n = n;
    *ret = announced;
    return ERR_OK;
}

/* GRUB measures the kernel's file name in front of the parameters. The name is no parameter only
 * where every reader of the command line agrees on where it ends. */
static bool is_text_behind_path(const struct reading *reading, struct span text)
{
    struct span rest;

    return text.len > 0 && reading->match == READING_MATCHES && reading->event->home == 8 &&
           cmdline_split(reading->content, &rest) && rest.len > 0 &&
           span_equal(span_cut(rest, 1, rest.len), text);
}

bool announced_has(const struct announced *announced, enum reason_code code,
                   const struct eventlog *log, const struct reading *reading)
{
    int bank = eventlog_bank(log, HASH_SHA256);

    for (size_t i = 0; announced != NULL && bank >= 0 && i < announced->n; i++) {
        const struct announced_item *item = &announced->items[i];

        if (item->code != code) {
            continue;
        }
        for (size_t form = 0; form < item->n_digests; form++) {
            if (span_equal(reading->event->digest[bank],
                           span_of(item->digest[form], SHA256_BYTES))) {
                return true;
            }
        }
        if (is_text_behind_path(reading, item->text)) {
            return true;
        }
    }
    return false;
}
