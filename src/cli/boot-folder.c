#include "cli/boot-folder.h"

#include "appraise/learned.h"
#include "base/file.h"
#include "eventlog/eventlog.h"
#include "eventlog/ima.h"
#include "evidence/azureguest.h"

enum { SMALL_FILE_MAX = 64 * 1024, BANK_FILE_PCRS = TPM_MAX_PCRS };

struct folder {
    struct arena *arena;
    const char *path;
    struct trail *trail;
    struct evidence *evidence;
    bool has_any; /* file of those that belong into such a folder */
};

/* A file of the folder; absent is an empty span, anything else wrong is an error. */
static err_t optional_file(struct folder *f, const char *name, size_t max, struct span *ret)
{
    struct trail trail = {0};
    const char *path = arena_printf(f->arena, "%s/%s", f->path, name);
    err_t err;

    /* A pipe under the name of a file would be waited for without end. */
    if (path != NULL && file_exists(path) && !file_is_regular(path)) {
        trail_set(f->trail, ERR_IO, "is not a regular file");
        return trail_in(f->trail, ERR_IO, name);
    }
    err = path == NULL ? ERR_MEMORY : file_read(f->arena, path, max, &trail, ret);

    if (err == ERR_NOT_FOUND) {
        *ret = (struct span){0};
        return ERR_OK;
    }
    if (err && f->trail != NULL) {
        *f->trail = trail;
    }
    f->has_any = f->has_any || err == ERR_OK;
    return err;
}

static err_t blob(struct folder *f, const char *name, size_t max, struct evidence_blob *ret)
{
    ret->where = name;
    return optional_file(f, name, max, &ret->bytes);
}

static err_t load_keys(struct folder *f)
{
    static const char *const ak_files[] = {"ak_rsa.pub", "ak_ecc.pub"};
    static const char *const ak_certs[] = {"ak_rsa_cert.der", "ak_ecc_cert.der"};
    static const char *const ek_files[][2] = {{"ek_rsa_cert.der", "ek_rsa.pub"},
                                              {"ek_ecc_cert.der", "ek_ecc.pub"}};
    static const char *const ca_files[] = {"ca_issuer.pem", "ca_root.pem"};
    struct evidence *e = f->evidence;
    err_t err = ERR_OK;

    for (size_t i = 0; err == ERR_OK && i < ARRAY_LEN(ak_files); i++) {
        struct evidence_ak *ak = &e->aks[e->n_aks];

        err = blob(f, ak_files[i], TPM_PUBLIC_MAX_BYTES, &ak->public_area);
        err = err ? err : blob(f, ak_certs[i], SMALL_FILE_MAX, &ak->certificate);
        e->n_aks += err == ERR_OK && ak->public_area.bytes.len > 0;
    }
    for (size_t i = 0; err == ERR_OK && i < ARRAY_LEN(ek_files); i++) {
        struct evidence_ek *ek = &e->eks[e->n_eks];

        err = blob(f, ek_files[i][0], SMALL_FILE_MAX, &ek->certificate);
        err = err ? err : blob(f, ek_files[i][1], TPM_PUBLIC_MAX_BYTES, &ek->public_area);
        e->n_eks += err == ERR_OK && ek->certificate.bytes.len > 0;
    }
    for (size_t i = 0; err == ERR_OK && i < ARRAY_LEN(ca_files); i++) {
        err = blob(f, ca_files[i], SMALL_FILE_MAX, &e->intermediates[e->n_intermediates]);
        e->n_intermediates += err == ERR_OK && e->intermediates[e->n_intermediates].bytes.len > 0;
    }
    return err;
}

static err_t load_quotes(struct folder *f)
{
    static const struct {
        const char *attest, *signature, *ak;
    } files[] = {
        {"quote_rsa.attest", "quote_rsa.sig", "ak_rsa.pub"},
        {"quote_rsa_allbanks.attest", "quote_rsa_allbanks.sig", "ak_rsa.pub"},
        {"quote_ecc.attest", "quote_ecc.sig", "ak_ecc.pub"},
    };
    struct evidence *e = f->evidence;
    err_t err = ERR_OK;

    for (size_t i = 0; err == ERR_OK && i < ARRAY_LEN(files); i++) {
        struct evidence_quote *quote = &e->quotes[e->n_quotes];
        bool has_key = false;

        err = blob(f, files[i].attest, TPM_ATTEST_MAX_BYTES, &quote->attest);
        err = err ? err : blob(f, files[i].signature, TPM_SIGNATURE_MAX_BYTES, &quote->signature);
        if (err || quote->attest.bytes.len == 0) {
            continue;
        }
        if (quote->signature.bytes.len == 0) {
            trail_set(f->trail, ERR_NOT_FOUND,
                      "is missing or empty: there is a quote, but not its signature");
            return trail_in(f->trail, ERR_NOT_FOUND, files[i].signature);
        }
        quote->is_framed = true;
        for (size_t k = 0; k < e->n_aks; k++) {
            if (strcmp(e->aks[k].public_area.where, files[i].ak) == 0) {
                quote->ak = k;
                has_key = true;
            }
        }
        if (!has_key) {
            trail_set(f->trail, ERR_NOT_FOUND,
                      "there is a quote, but not the key %s that it belongs to", files[i].ak);
            return trail_in(f->trail, ERR_NOT_FOUND, files[i].attest);
        }
        e->n_quotes++;
    }
    return err;
}

static err_t load_pcrs(struct folder *f)
{
    struct evidence *e = f->evidence;
    err_t err = ERR_OK;

    e->pcrs_where = "pcrs_*.bin";
    for (int bank = 0; err == ERR_OK && bank < HASH_COUNT; bank++) {
        const char *name = arena_printf(f->arena, "pcrs_%s.bin", hash_name((enum hash_alg)bank));
        size_t size = hash_size((enum hash_alg)bank);
        struct span bytes = {0};

        err = optional_file(f, name, SMALL_FILE_MAX, &bytes);
        if (err || bytes.len == 0) {
            continue;
        }
        if (bytes.len != size * BANK_FILE_PCRS) {
            trail_set(f->trail, ERR_MALFORMED, "must hold %d values of %zu bytes, it has %zu bytes",
                      BANK_FILE_PCRS, size, bytes.len);
            return trail_in(f->trail, ERR_MALFORMED, name);
        }
        for (unsigned pcr = 0; pcr < BANK_FILE_PCRS; pcr++) {
            memcpy(e->pcrs.value[bank][pcr], bytes.data + pcr * size, size);
            e->pcrs.have[bank] |= 1u << pcr;
        }
    }
    return err;
}

/* A machine that sent nothing leaves an empty folder, or its record (manifest.json) alone. A folder
 * of other things is a slip of the keyboard, and no word about a machine. */
static err_t check_is_boot_folder(struct folder *f)
{
    const char **names = NULL;
    bool is_record = false;
    err_t err;

    if (f->has_any) {
        return ERR_OK;
    }
    err = file_list(f->arena, f->path, f->trail, &names);
    if (err || names[0] == NULL) {
        return err;
    }
    for (; *names != NULL; names++) {
        is_record = is_record || strcmp(*names, "manifest.json") == 0;
    }
    if (is_record) {
        return ERR_OK;
    }
    trail_set(f->trail, ERR_NOT_FOUND,
              "is no boot folder: it holds none of the files eventlog.bin, quote_rsa.attest, "
              "ak_rsa.pub, ... (docs/formats/boot-folder.md); check the name");
    return trail_in(f->trail, ERR_NOT_FOUND, f->path);
}

static err_t load_folder(struct arena *arena, const char *path, struct trail *trail,
                         struct evidence **ret)
{
    struct folder f = {
        .arena = arena,
        .path = path,
        .trail = trail,
        .evidence = arena_calloc(arena, 1, sizeof(struct evidence)),
    };
    err_t err = f.evidence == NULL ? ERR_MEMORY : ERR_OK;

    if (err == ERR_OK) {
        f.evidence->form = EVIDENCE_BOOT_FOLDER;
        err = load_keys(&f);
    }
    err = err ? err : load_quotes(&f);
    err = err ? err : load_pcrs(&f);
    err = err ? err : blob(&f, "eventlog.bin", EVENTLOG_MAX_BYTES, &f.evidence->log);
    err = err ? err : blob(&f, "ima.bin", IMA_MAX_BYTES, &f.evidence->ima);
    err = err ? err : check_is_boot_folder(&f);
    if (err == ERR_OK) {
        *ret = f.evidence;
    }
    return err;
}

err_t evidence_load(struct arena *arena, const char *path, struct trail *trail,
                    struct evidence **ret)
{
    struct span text = {0};
    struct trail inner = {0};
    err_t err;

    if (strcmp(path, "-") != 0 && file_is_folder(path)) {
        return load_folder(arena, path, trail, ret);
    }
    err = file_read(arena, path, EVIDENCE_MAX_BYTES, trail, &text);
    if (err) {
        return err;
    }
    err = azureguest_parse_any(arena, text, &inner, ret);
    if (err == ERR_JSON_SYNTAX && inner.where[0] == '\0') {
        /* Not the kind of file at all, most likely: say what would be. */
        trail_set_at(trail, err, inner.offset,
                     "%s; evidence is an AzureGuest request (JSON) or a boot folder, and an event "
                     "log alone is read by 'bootwarden eventlog'",
                     inner.what);
    } else if (err && trail != NULL) {
        *trail = inner;
    }
    return err ? trail_in(trail, err, path) : ERR_OK;
}

err_t baseline_load(struct arena *arena, const char *path, struct trail *trail,
                    struct span *ret_log)
{
    struct evidence *evidence = NULL;
    struct span bytes = {0};
    err_t err;

    if (file_is_folder(path)) {
        err = load_folder(arena, path, trail, &evidence);
    } else {
        err = file_read(arena, path, LEARNED_MAX_BYTES, trail, &bytes);
        if (err == ERR_OK && !learned_is(bytes) && bytes.len > 0 &&
            (bytes.data[0] == '{' || bytes.data[0] == ' ')) {
            err = azureguest_parse_any(arena, bytes, trail, &evidence);
        }
    }
    if (err) {
        return err;
    }
    *ret_log = evidence != NULL ? evidence->log.bytes : bytes;
    if (ret_log->len == 0) {
        trail_set(trail, ERR_NOT_FOUND, "has no event log to compare with");
        return trail_in(trail, ERR_NOT_FOUND, path);
    }
    return ERR_OK;
}
