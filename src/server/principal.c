#include "server/principal.h"

#include "base/codec.h"
#include "base/file.h"
#include "base/timestamp.h"
#include "crypto/secret.h"
#include "server/directory.h"
#include "server/exit.h"

#include <stdio.h>
#include <string.h>

enum { CERT_FILE_MAX_BYTES = 32 * 1024 }; /* PEM, with a key or words around it */

static const char usage[] =
    "usage: bootwarden-server principal list [--output table|json] [--data DIR]\n"
    "       bootwarden-server principal add NAME [--output table|json] [--data DIR]\n"
    "       bootwarden-server principal add NAME --certificate FILE [...]\n"
    "       bootwarden-server principal add NAME --managed [...]\n"
    "       bootwarden-server principal new-secret CLIENT-ID [--output table|json] [--data DIR]\n"
    "       bootwarden-server principal add-certificate CLIENT-ID FILE [--data DIR]\n"
    "       bootwarden-server principal remove-certificate CLIENT-ID THUMBPRINT [--data DIR]\n"
    "       bootwarden-server principal remove CLIENT-ID [--data DIR]\n"
    "\n"
    "Service principals and managed identities of the built-in identity provider of DIR (default:\n"
    "./bootwarden-data). A secret, and the address of a managed identity, is shown once, when it "
    "is\n"
    "made. A running server sees a change within a second.\n";

/* ---- showing ---- */

static void add_certs(struct directory *directory, yyjson_mut_doc *doc, yyjson_mut_val *object,
                      const char *client_id)
{
    yyjson_mut_val *list = json_add_array(doc, object, "certificates");

    for (size_t i = 0; i < principals_cert_count(directory->principals); i++) {
        const struct principal_cert *one = principals_cert_at(directory->principals, i);
        int64_t from = 0, to = 0;
        char time[TIMESTAMP_SIZE];
        yyjson_mut_val *item;

        if (strcmp(one->client_id, client_id) != 0) {
            continue;
        }
        item = yyjson_mut_arr_add_obj(doc, list);
        cert_validity(one->cert, &from, &to);
        timestamp_format(to, time, sizeof(time));
        json_add_hex(directory->arena, doc, item, "sha1", span_of(one->sha1, sizeof(one->sha1)));
        json_add_hex(directory->arena, doc, item, "sha256",
                     span_of(one->sha256, sizeof(one->sha256)));
        json_add_text(doc, item, "subject", cert_subject(one->cert, directory->arena));
        json_add_text(doc, item, "notAfter", time);
    }
}

static bool is_managed(const struct principal *principal)
{
    return principal->kind == PRINCIPAL_MANAGED;
}

static void add_principal(struct directory *directory, yyjson_mut_doc *doc, yyjson_mut_val *object,
                          const struct principal *principal)
{
    json_add_text(doc, object, "name", principal->name);
    json_add_text(doc, object, "clientId", principal->client_id);
    json_add_text(doc, object, "objectId", principal->object_id);
    json_add_text(doc, object, "kind", is_managed(principal) ? "managedIdentity" : "application");
    add_certs(directory, doc, object, principal->client_id);
}

static int show_json(struct directory *directory)
{
    yyjson_mut_doc *doc = json_new(directory->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc), *list;

    if (root == NULL) {
        return server_fail(ERR_MEMORY, NULL);
    }
    json_add_text(doc, root, "tenant", principals_tenant(directory->principals));
    list = json_add_array(doc, root, "principals");
    for (size_t i = 0; i < principals_count(directory->principals); i++) {
        add_principal(directory, doc, yyjson_mut_arr_add_obj(doc, list),
                      principals_at(directory->principals, i));
    }
    return directory_print(directory, doc, root);
}

static void show_certs(const struct directory *directory, const char *client_id)
{
    for (size_t i = 0; i < principals_cert_count(directory->principals); i++) {
        const struct principal_cert *one = principals_cert_at(directory->principals, i);
        int64_t from = 0, to = 0;
        char time[TIMESTAMP_SIZE];

        if (strcmp(one->client_id, client_id) == 0) {
            cert_validity(one->cert, &from, &to);
            timestamp_format(to, time, sizeof(time));
            printf("  certificate %s until %.10s\n",
                   hex_dup(directory->arena, span_of(one->sha1, sizeof(one->sha1))), time);
        }
    }
}

static int run_list(struct directory *directory)
{
    size_t n = principals_count(directory->principals);

    if (directory->is_json) {
        return show_json(directory);
    }
    printf("tenant %s\n", principals_tenant(directory->principals));
    if (n > 0) {
        printf("%-36s  %-36s  %s\n", "CLIENT ID", "OBJECT ID", "NAME");
    }
    for (size_t i = 0; i < n; i++) {
        const struct principal *principal = principals_at(directory->principals, i);

        printf("%-36s  %-36s  %s%s\n", principal->client_id, principal->object_id, principal->name,
               is_managed(principal) ? " (managed identity)" : "");
        show_certs(directory, principal->client_id);
    }
    return SERVER_DONE;
}

/* secret "": there is none. */
static int show_secret(struct directory *directory, const struct principal *principal,
                       const char *secret)
{
    yyjson_mut_doc *doc = json_new(directory->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);
    const char *path =
        is_managed(principal)
            ? arena_printf(directory->arena, "/metadata/%s/identity/oauth2/token", secret)
            : NULL;

    if (root == NULL) {
        return server_fail(ERR_MEMORY, NULL);
    }
    if (directory->is_json) {
        json_add_text(doc, root, "tenant", principals_tenant(directory->principals));
        add_principal(directory, doc, root, principal);
        if (path != NULL) {
            json_add_text(doc, root, "path", path);
        } else if (secret[0] != '\0') {
            json_add_text(doc, root, "secret", secret);
        }
        return directory_print(directory, doc, root);
    }
    printf("tenant     %s\nclient id  %s\nobject id  %s\n",
           principals_tenant(directory->principals), principal->client_id, principal->object_id);
    if (path != NULL) {
        printf("path       %s\nMSI_ENDPOINT is this server's address and that path "
               "(docs/formats/sign-in.md).\n",
               path);
    } else if (secret[0] != '\0') {
        printf("secret     %s\n", secret);
    }
    show_certs(directory, principal->client_id);
    return SERVER_DONE;
}

/* ---- changing ---- */

static int write_changed(struct directory *directory, struct principals *changed,
                         const char *client_id)
{
    int code = directory_write(directory, changed,
                               arena_printf(directory->arena, "/principals/%s", client_id));

    if (code == SERVER_DONE) {
        principals_free(directory->principals);
        directory->principals = principals_ref(changed);
    }
    return code;
}

static const struct principal *find(const struct directory *directory)
{
    const struct principal *known =
        principals_find(directory->principals, span_str(directory->words[0]));

    if (known == NULL) {
        server_complain(SERVER_NO,
                        "no principal has the client id '%.60s'; see bootwarden-server principal "
                        "list",
                        directory->words[0]);
    }
    return known;
}

static err_t read_cert(struct directory *directory, const char *path, struct trail *trail,
                       struct cert **ret)
{
    static const char pem[] = "-----BEGIN";
    struct span bytes = {0};
    err_t err = file_read(directory->arena, path, CERT_FILE_MAX_BYTES, trail, &bytes);

    if (err) {
        return err;
    }
    err = span_starts(bytes, pem) || memmem(bytes.data, bytes.len, pem, strlen(pem)) != NULL
              ? cert_new_pem(bytes, trail, ret)
              : cert_new_der(bytes, trail, ret);
    return err ? trail_in(trail, err, path) : ERR_OK;
}

static err_t prepare_add(struct directory *directory, struct trail *trail, struct principal *made,
                         char secret[PRINCIPAL_SECRET_SIZE], struct principals **ret)
{
    CLEANUP(principals_free) struct principals *without = NULL;
    CLEANUP(cert_free) struct cert *cert = NULL;
    err_t err;

    if (directory->is_managed && directory->certificate != NULL) {
        return trail_set(trail, ERR_USAGE, "a managed identity has no certificate");
    }
    if (directory->certificate != NULL) {
        err = read_cert(directory, directory->certificate, trail, &cert);
        if (err) {
            return err;
        }
    }
    err = directory->is_managed ? principal_new_managed(directory->words[0], trail, made, secret)
                                : principal_new(directory->words[0], trail, made, secret);
    if (err == ERR_OK && cert != NULL) { /* and no other way */
        made->secret[0] = '\0';
        secret[0] = '\0';
    }
    err = err ? err : principals_with(directory->principals, made, trail, &without);
    if (err) {
        return err;
    }
    if (cert != NULL) {
        return principals_with_cert(without, span_str(made->client_id), cert, trail, ret);
    }
    *ret = TAKE(without);
    return ERR_OK;
}

static int run_add(struct directory *directory)
{
    CLEANUP(principals_free) struct principals *changed = NULL;
    char secret[PRINCIPAL_SECRET_SIZE] = "";
    struct principal made = {0};
    struct trail trail = {0};
    err_t err;
    int code;

    if (directory->name != NULL) {
        return server_complain(SERVER_USAGE,
                               "--name is for users; a principal's stands behind add");
    }
    err = prepare_add(directory, &trail, &made, secret, &changed);
    code = err ? server_fail(err, &trail) : write_changed(directory, changed, made.client_id);
    code = code != SERVER_DONE ? code : show_secret(directory, &made, secret);
    secret_wipe(span_of(secret, sizeof(secret)));
    return code;
}

static int run_new_secret(struct directory *directory)
{
    CLEANUP(principals_free) struct principals *changed = NULL;
    const struct principal *known = find(directory);
    char secret[PRINCIPAL_SECRET_SIZE] = "";
    struct principal renewed;
    struct trail trail = {0};
    err_t err;
    int code;

    if (known == NULL) {
        return SERVER_NO;
    }
    renewed = *known;
    err = principal_renew(&renewed, secret);
    err = err ? err : principals_with(directory->principals, &renewed, &trail, &changed);
    code = err ? server_fail(err, &trail) : write_changed(directory, changed, renewed.client_id);
    code = code != SERVER_DONE ? code : show_secret(directory, &renewed, secret);
    secret_wipe(span_of(secret, sizeof(secret)));
    return code;
}

static int run_add_certificate(struct directory *directory)
{
    CLEANUP(principals_free) struct principals *changed = NULL;
    CLEANUP(cert_free) struct cert *cert = NULL;
    const struct principal *known = find(directory);
    struct principal same;
    struct trail trail = {0};
    err_t err;
    int code;

    if (known == NULL) {
        return SERVER_NO;
    }
    same = *known;
    err = read_cert(directory, directory->words[1], &trail, &cert);
    err = err ? err
              : principals_with_cert(directory->principals, span_str(same.client_id), cert, &trail,
                                     &changed);
    code = err ? server_fail(err, &trail) : write_changed(directory, changed, same.client_id);
    return code != SERVER_DONE ? code : show_secret(directory, &same, "");
}

static int run_remove_certificate(struct directory *directory)
{
    CLEANUP(principals_free) struct principals *changed = NULL;
    const struct principal *known = find(directory);
    struct span digest = {0};
    struct principal same;
    err_t err;

    if (known == NULL) {
        return SERVER_NO;
    }
    same = *known;
    err = hex_decode(directory->arena, span_str(directory->words[1]), &digest);
    err = err ? ERR_NOT_FOUND
              : principals_without_cert(directory->principals, same.client_id, digest, &changed);
    if (err == ERR_NOT_FOUND) {
        return server_complain(SERVER_NO,
                               "principal %s has no certificate '%.70s'; see bootwarden-server "
                               "principal list",
                               same.client_id, directory->words[1]);
    }
    return err ? server_fail(err, NULL) : write_changed(directory, changed, same.client_id);
}

static int run_remove(struct directory *directory)
{
    CLEANUP(principals_free) struct principals *changed = NULL;
    const struct principal *known = find(directory);
    struct principal gone;
    err_t err;
    int code;

    if (known == NULL) {
        return SERVER_NO;
    }
    gone = *known;
    err = principals_without(directory->principals, span_str(gone.client_id), &changed);
    code = err ? server_fail(err, NULL) : write_changed(directory, changed, gone.client_id);
    if (code == SERVER_DONE) {
        printf("principal %s (%s) is removed; tokens that it has are refused from now on.\n",
               gone.name, gone.client_id);
    }
    return code;
}

int principal_command(int argc, char **argv)
{
    static const struct directory_command commands[] = {
        {"list", 0, "nothing more", true, false, run_list},
        {"add", 1, "a name", true, true, run_add},
        {"new-secret", 1, "a client id", true, true, run_new_secret},
        {"add-certificate", 2, "a client id and a file", true, true, run_add_certificate},
        {"remove-certificate", 2, "a client id and a thumbprint", false, true,
         run_remove_certificate},
        {"remove", 1, "a client id", false, true, run_remove},
    };
    struct directory directory = {.noun = "principal", .usage = usage};

    return directory_main(&directory, commands, ARRAY_LEN(commands), argc, argv);
}
