#include "tpmdev/device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <tss2/tss2_mu.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>
#include <unistd.h>

#define RAW_DEVICE "/dev/tpm0"
#define MANAGED_DEVICE "/dev/tpmrm0"

enum { TCTI_NAME_MAX = 256 };

/* tpm2-tss tells only "IO failure" when a device cannot be opened. The reason and what to do are
 * found out by opening it ourselves first. */
static err_t check_device(const char *path, struct trail *trail)
{
    int fd = path[0] != '\0' ? open(path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK) : -1;
    int reason = errno;
    struct stat st = {0};

    if (path[0] == '\0') {
        return trail_set(trail, ERR_USAGE, "the TCTI 'device:' lacks the file: device:%s",
                         MANAGED_DEVICE);
    }
    if (fd >= 0) {
        bool is_device = fstat(fd, &st) == 0 && S_ISCHR(st.st_mode);

        close(fd);
        return is_device
                   ? ERR_OK
                   : trail_set(trail, ERR_USAGE, "%s is no device; the kernel's TPM is device:%s",
                               path, MANAGED_DEVICE);
    }
    switch (reason) {
    case ENOENT:
    case ENOTDIR:
    case ENXIO:
    case ENODEV:
        if (strcmp(path, MANAGED_DEVICE) == 0 && access(RAW_DEVICE, F_OK) == 0) {
            return trail_set(trail, ERR_NOT_FOUND,
                             "%s does not exist, but %s does: the TPM is a TPM 1.2, or the kernel "
                             "has no resource manager; give the VM a TPM 2.0",
                             MANAGED_DEVICE, RAW_DEVICE);
        }
        return trail_set(trail, ERR_NOT_FOUND,
                         "this machine has no TPM 2.0: %s does not exist; give the VM a virtual "
                         "TPM, or name another one with --tcti",
                         path);
    case EACCES:
    case EPERM:
        return trail_set(trail, ERR_DENIED,
                         "no permission to use %s; run as root, or add the user to the group tss "
                         "(usermod -aG tss USER)",
                         path);
    case EBUSY:
        return trail_set(trail, ERR_UNAVAILABLE,
                         "%s is in use by another program; use %s, which many can share, or stop "
                         "the other one",
                         path, MANAGED_DEVICE);
    default:
        return trail_set(trail, ERR_TPM, "cannot open %s: %s; the kernel's TPM is device:%s", path,
                         strerror(reason), MANAGED_DEVICE);
    }
}

static void set_log(bool is_verbose)
{
    if (!is_verbose) {
        setenv("TSS2_LOG", "all+none", 0);
    }
}

static err_t no_tcti(const char *tcti, struct trail *trail)
{
    return trail_set(trail, ERR_USAGE,
                     "no TCTI is called '%.100s'; the kernel's TPM is device:%s, a software "
                     "TPM swtpm:path=SOCKET; others need their package of tpm2-tss",
                     tcti, MANAGED_DEVICE);
}

err_t tpmdev_tcti_check(const char *tcti, bool is_verbose, struct trail *trail)
{
    TSS2_TCTI_INFO *info = NULL;
    char name[TCTI_NAME_MAX];
    size_t len = strcspn(tcti, ":");
    TSS2_RC rc;

    set_log(is_verbose);
    if (len >= sizeof(name)) {
        return no_tcti(tcti, trail);
    }
    snprintf(name, sizeof(name), "%.*s", (int)len, tcti);
    rc = Tss2_TctiLdr_GetInfo(name, &info);
    Tss2_TctiLdr_FreeInfo(&info);
    return rc == TSS2_RC_SUCCESS ? ERR_OK : no_tcti(tcti, trail);
}

err_t tpmdev_open(const char *tcti, bool is_verbose, struct trail *trail, struct tpmdev **ret)
{
    CLEANUP(tpmdev_free) struct tpmdev *dev = NULL;
    TSS2_RC rc;
    err_t err;

    if (tcti == NULL) {
        tcti = TPMDEV_DEFAULT_TCTI;
    }
    set_log(is_verbose);
    if (strncmp(tcti, "device:", 7) == 0) {
        err = check_device(tcti + 7, trail);
        if (err) {
            return err;
        }
    }
    dev = calloc(1, sizeof(*dev));
    if (dev == NULL) {
        return ERR_MEMORY;
    }
    rc = Tss2_TctiLdr_Initialize(tcti, &dev->tcti);
    if (rc != TSS2_RC_SUCCESS) {
        dev->tcti = NULL;
        /* Nothing of that name could be loaded: the words are wrong, not the TPM. */
        if ((rc & ~TSS2_RC_LAYER_MASK) == TSS2_BASE_RC_NOT_SUPPORTED) {
            return no_tcti(tcti, trail);
        }
        return trail_set(trail, ERR_NOT_FOUND,
                         "no TPM answers at '%.120s' (%s); check --tcti, and that it runs", tcti,
                         Tss2_RC_Decode(rc));
    }
    rc = Esys_Initialize(&dev->esys, dev->tcti, NULL);
    if (rc != TSS2_RC_SUCCESS) {
        dev->esys = NULL;
        return tpmdev_fail(trail, rc, "cannot talk to the TPM");
    }
    *ret = TAKE(dev);
    return ERR_OK;
}

void tpmdev_free(struct tpmdev *dev)
{
    if (dev == NULL) {
        return;
    }
    Esys_Finalize(&dev->esys);
    Tss2_TctiLdr_Finalize(&dev->tcti);
    free(dev);
}

void tpm_object_done(struct tpm_object *object)
{
    if (object->esys == NULL) {
        return;
    }
    if (object->is_loaded) {
        Esys_FlushContext(object->esys, object->tr);
    } else {
        Esys_TR_Close(object->esys, &object->tr);
    }
    object->esys = NULL;
}

/* TPM 2.0 Part 2, 6.6.2: format one has bit 7 set and carries the culprit in bits 6 and 8 to 11. */
TSS2_RC tpmdev_rc_reason(TSS2_RC rc)
{
    TSS2_RC layer = rc & TSS2_RC_LAYER_MASK;

    if (layer != TSS2_TPM_RC_LAYER && layer != TSS2_RESMGR_TPM_RC_LAYER &&
        layer != TSS2_RESMGR_RC_LAYER) {
        return 0;
    }
    if ((rc & TPM2_RC_FMT1) != 0) {
        return rc & (TPM2_RC_FMT1 | 0x3f);
    }
    return rc & 0xfff;
}

static const struct {
    TSS2_RC reason;
    err_t err;
    const char *remedy;
} known_answers[] = {
    {TPM2_RC_LOCKOUT, ERR_UNAVAILABLE,
     "the TPM is in lockout after wrong passwords; wait, or clear it: tpm2_dictionarylockout -c"},
    {TPM2_RC_RETRY, ERR_UNAVAILABLE, "the TPM is busy; try again"},
    {TPM2_RC_TESTING, ERR_UNAVAILABLE, "the TPM tests itself; try again"},
    {TPM2_RC_YIELDED, ERR_UNAVAILABLE, "the TPM is busy; try again"},
    {TPM2_RC_NV_RATE, ERR_UNAVAILABLE,
     "the TPM limits writes to its memory; try again in a minute"},
    {TPM2_RC_NV_UNAVAILABLE, ERR_UNAVAILABLE, "the TPM's memory cannot be written now; try again"},
    {TPM2_RC_OBJECT_MEMORY, ERR_UNAVAILABLE,
     "other programs left keys in the TPM: use /dev/tpmrm0, or run tpm2_flushcontext -t"},
    {TPM2_RC_SESSION_MEMORY, ERR_UNAVAILABLE,
     "other programs left sessions in the TPM: run tpm2_flushcontext -l"},
    {TPM2_RC_SESSION_HANDLES, ERR_UNAVAILABLE,
     "other programs left sessions in the TPM: run tpm2_flushcontext -s"},
    {TPM2_RC_NV_SPACE, ERR_TPM, "the TPM's memory is full: remove indexes or keys nobody needs"},
    {TPM2_RC_BAD_AUTH, ERR_DENIED,
     "a password is set for this hierarchy or key; Bootwarden works with the empty one"},
    {TPM2_RC_AUTH_FAIL, ERR_DENIED,
     "a password is set for this hierarchy or key; Bootwarden works with the empty one"},
    {TPM2_RC_HIERARCHY, ERR_DENIED, "the hierarchy is switched off in this boot"},
    {TPM2_RC_INITIALIZE, ERR_UNAVAILABLE,
     "nobody has started the TPM (TPM2_Startup): firmware does, a bare swtpm needs --flags "
     "startup-clear"},
    {TPM2_RC_FAILURE, ERR_UNAVAILABLE,
     "the TPM is in failure mode: restart the machine; if it stays, the TPM is broken"},
    {TPM2_RC_HANDLE, ERR_NOT_FOUND, NULL},
};

err_t tpmdev_fail(struct trail *trail, TSS2_RC rc, const char *doing)
{
    TSS2_RC reason = tpmdev_rc_reason(rc);

    if (rc == TSS2_ESYS_RC_MEMORY) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; reason != 0 && i < ARRAY_LEN(known_answers); i++) {
        if (known_answers[i].reason == reason) {
            const char *remedy = known_answers[i].remedy;

            return trail_set(trail, known_answers[i].err, "%s: %s%s%s", doing, Tss2_RC_Decode(rc),
                             remedy != NULL ? "; " : "", remedy != NULL ? remedy : "");
        }
    }
    return trail_set(trail, ERR_TPM, "%s: %s", doing, Tss2_RC_Decode(rc));
}

err_t tpmdev_object_at(struct tpmdev *dev, uint32_t handle, struct trail *trail,
                       struct tpm_object *ret)
{
    char doing[48];
    ESYS_TR tr = ESYS_TR_NONE;
    TSS2_RC rc =
        Esys_TR_FromTPMPublic(dev->esys, handle, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &tr);

    if (rc != TSS2_RC_SUCCESS) {
        snprintf(doing, sizeof(doing), "reading 0x%08x of the TPM", handle);
        return tpmdev_fail(trail, rc, doing);
    }
    *ret = (struct tpm_object){.esys = dev->esys, .tr = tr};
    return ERR_OK;
}

err_t tpmdev_create_primary(struct tpmdev *dev, ESYS_TR hierarchy,
                            const TPM2B_PUBLIC *template_area, const char *doing,
                            struct trail *trail, struct tpm_object *ret, TPM2B_PUBLIC **ret_public)
{
    static const TPM2B_SENSITIVE_CREATE sensitive = {0};
    static const TPM2B_DATA outside = {0};
    static const TPML_PCR_SELECTION no_pcrs = {0};
    ESYS_TR tr = ESYS_TR_NONE;
    TSS2_RC rc = Esys_CreatePrimary(dev->esys, hierarchy, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                                    ESYS_TR_NONE, &sensitive, template_area, &outside, &no_pcrs,
                                    &tr, ret_public, NULL, NULL, NULL);

    if (rc != TSS2_RC_SUCCESS) {
        return tpmdev_fail(trail, rc, doing);
    }
    *ret = (struct tpm_object){.esys = dev->esys, .tr = tr, .is_loaded = true};
    return ERR_OK;
}

err_t tpmdev_policy_session(struct tpmdev *dev, TPMI_ALG_HASH hash, struct trail *trail,
                            struct tpm_object *ret)
{
    static const TPMT_SYM_DEF no_encryption = {.algorithm = TPM2_ALG_NULL};
    ESYS_TR tr = ESYS_TR_NONE;
    TSS2_RC rc =
        Esys_StartAuthSession(dev->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                              ESYS_TR_NONE, NULL, TPM2_SE_POLICY, &no_encryption, hash, &tr);

    if (rc != TSS2_RC_SUCCESS) {
        return tpmdev_fail(trail, rc, "starting a policy session");
    }
    /* The session stays after its use, so that one place ends it, used or not. */
    rc = Esys_TRSess_SetAttributes(dev->esys, tr, TPMA_SESSION_CONTINUESESSION, 0xff);
    if (rc != TSS2_RC_SUCCESS) {
        Esys_FlushContext(dev->esys, tr);
        return tpmdev_fail(trail, rc, "starting a policy session");
    }
    *ret = (struct tpm_object){.esys = dev->esys, .tr = tr, .is_loaded = true};
    return ERR_OK;
}

err_t tpmdev_handles(struct tpmdev *dev, uint32_t first, size_t max, struct trail *trail,
                     uint32_t *handles, size_t *ret_count)
{
    ESYS_OWNED TPMS_CAPABILITY_DATA *data = NULL;
    const TPML_HANDLE *list;
    TPMI_YES_NO more = 0;
    size_t n = 0;
    TSS2_RC rc = Esys_GetCapability(dev->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                    TPM2_CAP_HANDLES, first, (uint32_t)max, &more, &data);

    if (rc != TSS2_RC_SUCCESS) {
        return tpmdev_fail(trail, rc, "listing the handles of the TPM");
    }
    list = &data->data.handles;
    for (uint32_t i = 0; i < list->count && i < TPM2_MAX_CAP_HANDLES && n < max; i++) {
        handles[n++] = list->handle[i];
    }
    *ret_count = n;
    return ERR_OK;
}

err_t tpmdev_public_bytes(const TPM2B_PUBLIC *area, struct arena *arena, struct span *ret)
{
    uint8_t bytes[sizeof(TPM2B_PUBLIC)];
    size_t len = 0;
    struct span copy;

    if (Tss2_MU_TPM2B_PUBLIC_Marshal(area, bytes, sizeof(bytes), &len) != TSS2_RC_SUCCESS) {
        return ERR_INTERNAL;
    }
    copy = arena_dup(arena, span_of(bytes, len));
    if (copy.data == NULL) {
        return ERR_MEMORY;
    }
    *ret = copy;
    return ERR_OK;
}

err_t tpmdev_public_read(struct span bytes, TPM2B_PUBLIC *ret)
{
    TPM2B_PUBLIC area = {0};
    size_t offset = 0;

    if (Tss2_MU_TPM2B_PUBLIC_Unmarshal(bytes.data, bytes.len, &offset, &area) != TSS2_RC_SUCCESS) {
        return ERR_MALFORMED;
    }
    *ret = area;
    return ERR_OK;
}

TPML_PCR_SELECTION tpmdev_selection(uint32_t mask)
{
    TPML_PCR_SELECTION selection = {.count = 1};

    selection.pcrSelections[0].hash = TPM2_ALG_SHA256;
    selection.pcrSelections[0].sizeofSelect = 3;
    selection.pcrSelections[0].pcrSelect[0] = (uint8_t)mask;
    selection.pcrSelections[0].pcrSelect[1] = (uint8_t)(mask >> 8);
    selection.pcrSelections[0].pcrSelect[2] = (uint8_t)(mask >> 16);
    return selection;
}

err_t tpmdev_attest_bytes(const TPM2B_ATTEST *attest, const TPMT_SIGNATURE *signature,
                          struct arena *arena, struct trail *trail, struct span *ret_attest,
                          struct span *ret_signature)
{
    struct span a, s;

    if (signature->sigAlg != TPM2_ALG_RSASSA) {
        return trail_set(trail, ERR_TPM, "the TPM signed with another scheme than RSASSA");
    }
    a = arena_dup(arena, span_of(attest->attestationData, attest->size));
    s = arena_dup(arena, span_of(signature->signature.rsassa.sig.buffer,
                                 signature->signature.rsassa.sig.size));
    if (a.data == NULL || s.data == NULL) {
        return ERR_MEMORY;
    }
    *ret_attest = a;
    *ret_signature = s;
    return ERR_OK;
}
