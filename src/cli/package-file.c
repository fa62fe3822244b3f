/*
 * package-file.c - bootwarden package sign and show: packages as files
 * (docs/formats/agent-package.md).
 */
#include "cli/options.h"
#include "cli/package.h"

#include "base/buf.h"
#include "base/codec.h"
#include "base/file.h"
#include "base/text.h"
#include "crypto/ed25519.h"
#include "crypto/hash.h"
#include "package/program.h"

#include <string.h>

enum { ARENA_BYTES = 64 * 1024 * 1024 };

/* ---- reading ---- */

int package_file_read(const char *command, struct arena *arena, const char *path,
                      struct package_file *ret)
{
    struct package_file file = {.fault = NULL};
    uint8_t digest[SHA256_BYTES];
    struct trail trail = {0};
    err_t err = file_read(arena, path, PACKAGE_FILE_MAX, &trail, &file.bytes);

    err = err ? err : package_read(arena, file.bytes, &trail, &file.package);
    if (err == ERR_OK) {
        file.payload = span_cut(file.bytes, file.package.header_bytes, file.bytes.len);
        err = hash_once(HASH_SHA256, file.bytes, file.digest);
    }
    err = err ? err : hash_once(HASH_SHA256, file.payload, digest);
    if (err) {
        return cli_fail(command, path, err, &trail);
    }
    if (file.payload.len != file.package.size) {
        file.fault = "the payload has another size than its manifest says: the file is not whole";
    } else if (!span_equal(span_of(digest, sizeof(digest)),
                           span_of(file.package.sha256, sizeof(digest)))) {
        file.fault = "the payload is not the one that its manifest names: the file is damaged";
    }
    *ret = file;
    return EXIT_YES;
}

int package_file_verify(const char *command, struct arena *arena, const char *path,
                        const struct package_file *file, const char *key_path)
{
    struct ed25519_keys keys;
    struct trail trail = {0};
    struct span pem = {0};
    char shown[256];
    err_t err = file_read(arena, key_path, ED25519_PEM_MAX, &trail, &pem);

    err = err ? err : ed25519_keys_read(pem, &trail, &keys);
    if (err) {
        return cli_fail(command, key_path, err, &trail);
    }
    err = ed25519_verify(&keys, file->package.signed_bytes, file->package.signature);
    if (err == ERR_SIGNATURE) {
        text_escape(span_str(path), shown, sizeof(shown));
        cli_complain(command,
                     "%s: signed by none of the keys in %s: agents that trust those refuse it",
                     shown, key_path);
        return EXIT_NO;
    }
    return err ? cli_fail(command, path, err, &trail) : EXIT_YES;
}

/* ---- show ---- */

static int show(const char *command, struct arena *arena, const char *path, const char *key)
{
    struct package_file file;
    int code = package_file_read(command, arena, path, &file);

    if (code != EXIT_YES) {
        return code;
    }
    printf("%s %s for %s\n", PACKAGE_NAME, file.package.version_text, file.package.platform);
    printf("  %-10s %llu bytes, SHA-256 %s\n", "program", (unsigned long long)file.package.size,
           hex_dup(arena, span_of(file.package.sha256, sizeof(file.package.sha256))));
    printf("  %-10s %s\n", "upgrades",
           file.package.has_minimum ? arena_printf(arena, "from %s on", file.package.minimum_text)
                                    : "any earlier version");
    printf("  %-10s %s\n", "digest", hex_dup(arena, span_of(file.digest, sizeof(file.digest))));
    if (file.fault != NULL) {
        cli_complain(command, "%s: %s", path, file.fault);
        return EXIT_NO;
    }
    code = key == NULL ? EXIT_YES : package_file_verify(command, arena, path, &file, key);
    if (code == EXIT_YES) {
        printf("  %-10s %s\n", "signature",
               key == NULL ? "not verified: name the public key with --key"
                           : "verified, by a key that was named");
    }
    return code;
}

int package_cmd_show(int argc, char **argv)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(ARENA_BYTES);
    struct option_result words = {0};
    const char *key = NULL;
    const struct option options[] = {
        {"key", 0, OPTION_TEXT, "PUB.pem", "public keys, one of which must have signed it", &key,
         NULL, 0},
    };
    const struct option_set set = {
        .command = "package show",
        .arguments = "FILE",
        .description = "What a package holds; with --key, whether its signature is good.",
        .options = options,
        .n_options = ARRAY_LEN(options),
        .min_arguments = 1,
        .max_arguments = 1,
        .notes = "Exit status: 0 good, 1 damaged or signed by none of the keys, 2 wrong use or no\n"
                 "package.",
    };
    int code = EXIT_YES;

    if (!options_parse(&set, argc, argv, &words, &code)) {
        return code;
    }
    code = arena == NULL ? EXIT_INTERNAL : show(set.command, arena, words.arguments[0], key);
    return cli_finish(set.command, arena, code);
}

/* ---- sign ---- */

struct signing {
    const char *key, *version, *minimum, *output;
    int platform; /* of program_platforms; -1: the program's */
};

/* What was typed must be what the program says of itself. */
static int compare(const char *command, const struct signing *signing, const char *path,
                   const struct program *program)
{
    struct version version;

    if (signing->version != NULL && version_read(span_str(signing->version), &version) != ERR_OK) {
        cli_complain(command, "option --version: must be two to four numbers with dots, such as "
                              "1.2.3");
        return EXIT_USAGE;
    }
    if (signing->version != NULL && version_compare(&version, &program->version) != 0) {
        cli_complain(command, "%s: says that it is version %s, not %s", path, program->version_text,
                     signing->version);
        return EXIT_USAGE;
    }
    if (signing->platform >= 0 &&
        strcmp(program_platforms[signing->platform], program->platform) != 0) {
        cli_complain(command, "%s: is a program for %s, not for %s", path, program->platform,
                     program_platforms[signing->platform]);
        return EXIT_USAGE;
    }
    return EXIT_YES;
}

static int describe(const char *command, const struct signing *signing, const char *path,
                    struct span payload, struct package *ret)
{
    struct package package = {.size = payload.len};
    struct program program;
    struct trail trail = {0};
    char shown[256];
    int code;
    err_t err;

    if (signing->key == NULL || signing->output == NULL) {
        cli_complain(command, "give --key and --output");
        return EXIT_USAGE;
    }
    /* What is too long would be cut into something else. */
    if (signing->minimum != NULL && strlen(signing->minimum) >= sizeof(package.minimum_text)) {
        cli_complain(command, "--minimum is too long");
        return EXIT_USAGE;
    }
    text_escape(span_str(path), shown, sizeof(shown));
    err = program_read(payload, &trail, &program);
    code = err ? cli_fail(command, path, err, &trail) : compare(command, signing, shown, &program);
    if (code != EXIT_YES) {
        return code;
    }
    memcpy(package.version_text, program.version_text, sizeof(package.version_text));
    memcpy(package.platform, program.platform, strlen(program.platform));
    if (signing->minimum != NULL) {
        package.has_minimum = true;
        memcpy(package.minimum_text, signing->minimum, strlen(signing->minimum));
    }
    err = hash_once(HASH_SHA256, payload, package.sha256);
    *ret = package;
    return err ? EXIT_INTERNAL : EXIT_YES;
}

static err_t put_together(struct arena *arena, struct span head, const uint8_t *signature,
                          struct span payload, struct span *ret)
{
    CLEANUP(buf_done) struct buf out = {0};

    buf_init(&out, PACKAGE_FILE_MAX);
    buf_add(&out, head);
    buf_add(&out, span_of(signature, ED25519_SIGNATURE_BYTES));
    buf_add(&out, payload);
    return buf_copy(&out, arena, ret);
}

static int sign(const char *command, struct arena *arena, const struct signing *signing,
                const char *path)
{
    uint8_t signature[ED25519_SIGNATURE_BYTES];
    struct span payload = {0}, pem = {0}, head = {0}, whole = {0};
    struct ed25519_keys key;
    struct package package;
    struct trail trail = {0};
    err_t err = file_read(arena, path, PACKAGE_FILE_MAX - PACKAGE_HEADER_MAX, &trail, &payload);
    int code = err ? cli_fail(command, path, err, &trail)
                   : describe(command, signing, path, payload, &package);

    if (code != EXIT_YES) {
        return code;
    }
    err = package_write(arena, &package, &trail, &head);
    if (err) {
        return cli_fail(command, "the package", err, &trail);
    }
    err = file_read_private(arena, signing->key, ED25519_PEM_MAX, &trail, &pem);
    err = err ? err : ed25519_sign(pem, head, &trail, signature, &key);
    if (err) {
        return cli_fail(command, signing->key, err, &trail);
    }
    err = put_together(arena, head, signature, payload, &whole);
    err = err ? err : file_write(signing->output, whole, 0644, &trail);
    if (err) {
        return cli_fail(command, signing->output, err, &trail);
    }
    printf("%s: %s %s for %s, %zu bytes\n", signing->output, PACKAGE_NAME, package.version_text,
           package.platform, whole.len);
    return EXIT_YES;
}

int package_cmd_sign(int argc, char **argv)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(ARENA_BYTES);
    struct option_result words = {0};
    struct signing signing = {.platform = -1};
    const struct option options[] = {
        {"key", 0, OPTION_TEXT, "KEY.pem", "private Ed25519 key, mode 0600", &signing.key, NULL, 0},
        {"version", 0, OPTION_TEXT, "X.Y.Z", "sign no program of another version", &signing.version,
         NULL, 0},
        {"platform", 0, OPTION_CHOICE, "P", "sign no program for another one", &signing.platform,
         program_platforms, 0},
        {"minimum", 0, OPTION_TEXT, "X.Y.Z", "the oldest version that may upgrade to it",
         &signing.minimum, NULL, 0},
        {"output", 'o', OPTION_TEXT, "FILE", "the package", &signing.output, NULL, 0},
    };
    const struct option_set set = {
        .command = "package sign",
        .arguments = "PROGRAM",
        .description = "Make a package of an agent's program. Version and platform are those that "
                       "the program\n"
                       "says of itself; it is not run.",
        .options = options,
        .n_options = ARRAY_LEN(options),
        .min_arguments = 1,
        .max_arguments = 1,
        .notes =
            "A key: openssl genpkey -algorithm ed25519 -out KEY.pem; its public half, for the\n"
            "agents: openssl pkey -in KEY.pem -pubout\n"
            "Exit status: 0 done, 2 wrong use or unreadable input, 4 internal.",
    };
    int code = EXIT_YES;

    if (!options_parse(&set, argc, argv, &words, &code)) {
        return code;
    }
    code = arena == NULL ? EXIT_INTERNAL : sign(set.command, arena, &signing, words.arguments[0]);
    return cli_finish(set.command, arena, code);
}
