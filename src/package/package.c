/* Who may send these bytes: whoever publishes packages, a server that hands them out, and whoever
 * writes to a guest's disk. Nothing in them is believed before the signature was verified. */
#include "package/package.h"

#include "base/buf.h"
#include "base/codec.h"
#include "base/reader.h"
#include "json/json.h"

#include <stdio.h>

static const uint8_t magic[PACKAGE_MAGIC_BYTES] = {'B', 'W', 'P', 'K', 'G', 0, 0, 1};

bool package_is_platform(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = (char)text.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
              c == '-')) {
            return false;
        }
    }
    return text.len > 0 && text.len < PACKAGE_PLATFORM_SIZE;
}

static err_t fault(struct trail *trail, const char *member, const char *words)
{
    trail_set(trail, ERR_VALUE, "%s", words);
    return trail_in(trail, ERR_VALUE, member);
}

static err_t read_version(yyjson_val *root, const char *name, struct trail *trail,
                          char text[VERSION_TEXT_SIZE], struct version *ret)
{
    struct span value = {0};
    err_t err = json_need_string(root, name, trail, &value);

    if (err == ERR_OK && version_read(value, ret) != ERR_OK) {
        err = fault(trail, name, "must be a version: two to four numbers with dots, such as 1.2.3");
    }
    if (err == ERR_OK) {
        snprintf(text, VERSION_TEXT_SIZE, "%.*s", (int)value.len, (const char *)value.data);
    }
    return err;
}

static err_t read_manifest(yyjson_val *root, struct trail *trail, struct package *ret)
{
    static const char *const names[] = {"name",   "version", "platform", "size",
                                        "sha256", "minimum", NULL};
    struct span name = {0}, platform = {0}, digest = {0};
    err_t err = json_need_only(root, names, trail);

    err = err ? err : json_need_string(root, "name", trail, &name);
    err = err || span_is(name, PACKAGE_NAME)
              ? err
              : fault(trail, "name", "is not " PACKAGE_NAME ": a package of something else");
    err = err ? err : read_version(root, "version", trail, ret->version_text, &ret->version);
    err = err ? err : json_need_string(root, "platform", trail, &platform);
    err = err || package_is_platform(platform)
              ? err
              : fault(trail, "platform", "must be 1 to 39 of a-z 0-9 . _ -");
    err = err ? err : json_need_uint(root, "size", PACKAGE_FILE_MAX, trail, &ret->size);
    err = err ? err : json_need_string(root, "sha256", trail, &digest);
    if (err == ERR_OK && hex_decode_into(digest, ret->sha256, sizeof(ret->sha256)) != ERR_OK) {
        err = fault(trail, "sha256", "must be 64 hexadecimal digits");
    }
    ret->has_minimum = err == ERR_OK && json_get(root, "minimum") != NULL;
    if (ret->has_minimum) {
        err = read_version(root, "minimum", trail, ret->minimum_text, &ret->minimum);
        if (err == ERR_OK && version_compare(&ret->minimum, &ret->version) >= 0) {
            err = fault(trail, "minimum", "must be earlier than the version: nobody could upgrade");
        }
    }
    if (err == ERR_OK) {
        snprintf(ret->platform, sizeof(ret->platform), "%.*s", (int)platform.len,
                 (const char *)platform.data);
    }
    return err;
}

err_t package_read(struct arena *arena, struct span bytes, struct trail *trail, struct package *ret)
{
    struct reader r = reader_on(bytes);
    struct package package = {0};
    struct span begin = {0}, manifest = {0};
    yyjson_val *root = NULL;
    uint32_t len = 0;
    err_t err = reader_take(&r, sizeof(magic), &begin);

    if (err || !span_equal(begin, span_of(magic, sizeof(magic)))) {
        return trail_set(trail, ERR_MALFORMED, "is no package of the agent");
    }
    err = reader_u32be(&r, &len);
    if (err == ERR_OK && len > PACKAGE_MANIFEST_MAX) {
        return trail_set(trail, ERR_TOO_LARGE, "its manifest takes %u bytes, %d are allowed",
                         (unsigned)len, PACKAGE_MANIFEST_MAX);
    }
    err = err ? err : reader_take(&r, len, &manifest);
    package.signed_bytes = span_cut(bytes, 0, r.offset);
    err = err ? err : reader_take(&r, PACKAGE_SIGNATURE_BYTES, &package.signature);
    if (err) {
        return trail_set_at(trail, err, r.offset, "the package ends within its header");
    }
    package.header_bytes = r.offset;
    err = json_read(arena, manifest, NULL, trail, &root);
    err = err ? err : read_manifest(root, trail, &package);
    if (err) {
        return trail_in(trail, err, "manifest");
    }
    *ret = package;
    return ERR_OK;
}

static struct span manifest_text(struct arena *arena, const struct package *package)
{
    yyjson_mut_doc *doc = json_new(arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);

    if (root == NULL) {
        return (struct span){0};
    }
    json_add_text(doc, root, "name", PACKAGE_NAME);
    json_add_text(doc, root, "version", package->version_text);
    json_add_text(doc, root, "platform", package->platform);
    json_add_uint(doc, root, "size", package->size);
    json_add_hex(arena, doc, root, "sha256", span_of(package->sha256, sizeof(package->sha256)));
    if (package->has_minimum) {
        json_add_text(doc, root, "minimum", package->minimum_text);
    }
    return json_write(arena, doc, root, false);
}

err_t package_write(struct arena *arena, const struct package *package, struct trail *trail,
                    struct span *ret)
{
    static const uint8_t no_signature[PACKAGE_SIGNATURE_BYTES];
    CLEANUP(buf_done) struct buf out = {0};
    struct span manifest = manifest_text(arena, package), whole = {0};
    struct package check;
    err_t err;

    if (manifest.data == NULL) {
        return ERR_MEMORY;
    }
    buf_init(&out, PACKAGE_HEADER_MAX);
    buf_add(&out, span_of(magic, sizeof(magic)));
    buf_u32be(&out, (uint32_t)manifest.len);
    buf_add(&out, manifest);
    buf_add(&out, span_of(no_signature, sizeof(no_signature)));
    err = buf_copy(&out, arena, &whole);
    err = err ? err : package_read(arena, whole, trail, &check);
    if (err == ERR_OK) {
        *ret = check.signed_bytes;
    }
    return err;
}
