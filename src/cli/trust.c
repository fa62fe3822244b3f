#include "cli/trust.h"

#include "base/codec.h"
#include "base/file.h"

enum { ANCHOR_FILE_MAX = 1024 * 1024 };

err_t trust_init(struct trust *trust)
{
    *trust = (struct trust){.ek = cert_store_new(), .ak = cert_store_new()};
    return trust->ek == NULL || trust->ak == NULL ? ERR_MEMORY : ERR_OK;
}

void trust_done(struct trust *trust)
{
    cert_store_free(trust->ek);
    cert_store_free(trust->ak);
    *trust = (struct trust){0};
}

static err_t add_file(struct trust *trust, struct arena *arena, const char *role, const char *path,
                      struct trail *trail)
{
    struct span bytes = {0};
    err_t err = file_read(arena, path, ANCHOR_FILE_MAX, trail, &bytes);

    if (err) {
        return err;
    }
    if (strcmp(role, "db") == 0) {
        err = db_anchors_add(&trust->db, arena, bytes, trail);
    } else {
        err = cert_store_add_file(strcmp(role, "ak") == 0 ? trust->ak : trust->ek, bytes, trail);
    }
    return err ? trail_in(trail, err, path) : ERR_OK;
}

/* "ROLE=PATH" or PATH. A word before "=" that is no role is taken for a slip, unless there is such
 * a file. */
static err_t read_role(const char *argument, const char **role, const char **path,
                       struct trail *trail)
{
    static const char *const roles[] = {"ek", "ak", "db"};
    size_t word = strspn(argument, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-");

    for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
        if (strncmp(argument, roles[i], 2) == 0 && argument[2] == '=') {
            *role = roles[i];
            *path = argument + 3;
        }
    }
    if (*path == argument && argument[word] == '=' && !file_exists(argument)) {
        return trail_set(trail, ERR_VALUE,
                         "'%.100s': there is no role '%.*s'; write ek=PATH (makers of TPMs), "
                         "ak=PATH (issuers of attestation keys) or db=PATH (Secure Boot keys)",
                         argument, word < 20 ? (int)word : 20, argument);
    }
    if ((*path)[0] == '\0') {
        return trail_set(trail, ERR_VALUE, "'%s' names no file or folder; write %sPATH", argument,
                         argument);
    }
    return ERR_OK;
}

err_t trust_add(struct trust *trust, struct arena *arena, const char *argument,
                const char *standard, struct trail *trail)
{
    const char *role = standard;
    const char *path = argument;
    const char **names = NULL;
    size_t n_files = 0;
    err_t err = read_role(argument, &role, &path, trail);

    if (err) {
        return err;
    }
    if (!file_is_folder(path)) {
        return add_file(trust, arena, role, path, trail);
    }
    err = file_list(arena, path, trail, &names);
    for (; err == ERR_OK && *names != NULL; names++) {
        const char *file = arena_printf(arena, "%s/%s", path, *names);

        if (file == NULL) {
            return ERR_MEMORY;
        }
        if (!file_is_folder(file) && (*names)[0] != '.' && strncmp(*names, "README", 6) != 0) {
            err = add_file(trust, arena, role, file, trail);
            n_files++;
        }
    }
    if (err == ERR_OK && n_files == 0) {
        trail_set(trail, ERR_NOT_FOUND, "is a folder without files; put certificates into it");
        return trail_in(trail, ERR_NOT_FOUND, path);
    }
    return err;
}

err_t trust_add_ak(struct trust *trust, const char *hex, struct trail *trail)
{
    struct tpm_name *name = &trust->aks[trust->n_aks];
    size_t len = strlen(hex) / 2;
    enum hash_alg alg;

    if (trust->n_aks == TRUST_MAX_AKS) {
        return trail_set(trail, ERR_TOO_MANY, "more than %d enrolled keys", TRUST_MAX_AKS);
    }
    if (len < 2 || len > sizeof(name->bytes) ||
        hex_decode_into(span_str(hex), name->bytes, len) != ERR_OK) {
        return trail_set(trail, ERR_ENCODING,
                         "'%s' is not a TPM name: expected hexadecimal digits, 000b and 64 more",
                         hex);
    }
    alg = hash_by_tpm_id((uint16_t)(name->bytes[0] << 8 | name->bytes[1]));
    if (alg == HASH_NONE || len != 2 + hash_size(alg)) {
        return trail_set(trail, ERR_VALUE,
                         "'%s' is not a TPM name: it begins with the hash (000b for SHA-256) and "
                         "goes on with its digest",
                         hex);
    }
    name->len = len;
    trust->n_aks++;
    return ERR_OK;
}

struct appraise_trust trust_for_appraisal(const struct trust *trust)
{
    return (struct appraise_trust){.ek = trust->ek,
                                   .ak = trust->ak,
                                   .enrolled_aks = trust->aks,
                                   .n_enrolled_aks = trust->n_aks,
                                   .db_certificates = trust->db.der,
                                   .n_db_certificates = trust->db.n};
}
