/*
 * compile.c - the life of a policy: text into a tree, shared, compared, freed.
 */
#include "base/codec.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "policy/tree.h"

#include <stdlib.h>

/* Of the tree: a few times the largest text. */
enum { TREE_MAX_BYTES = 64 * 1024 * 1024 };

static void free_policy(struct policy *policy)
{
    arena_free(policy->arena);
    free(policy->n_refs);
    free(policy);
}

void policy_unref(struct policy *policy)
{
    if (policy != NULL && atomic_fetch_sub(policy->n_refs, 1) == 1) {
        free_policy(policy);
    }
}

struct policy *policy_ref(const struct policy *policy)
{
    atomic_fetch_add(policy->n_refs, 1);
    /* Counting changes nothing that readers see. */
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): how const goes away without a warning. */
    return (struct policy *)(uintptr_t)policy;
}

static struct policy *new_policy(void)
{
    struct policy *policy = calloc(1, sizeof(*policy));

    if (policy == NULL) {
        return NULL;
    }
    policy->arena = arena_new(TREE_MAX_BYTES);
    policy->n_refs = malloc(sizeof(*policy->n_refs));
    if (policy->arena == NULL || policy->n_refs == NULL) {
        free_policy(policy);
        return NULL;
    }
    atomic_init(policy->n_refs, 1);
    return policy;
}

/* The limit and the characters, before anything is read. */
static err_t check_text(struct span text, struct policy_fault *fault)
{
    size_t good = 0;
    const uint8_t *nul;

    if (text.len > POLICY_MAX_BYTES) {
        *fault = (struct policy_fault){.kind = POLICY_FAULT_TOO_LARGE,
                                       .line = 1,
                                       .column = 1,
                                       .outer = "",
                                       .inner = "policy",
                                       .text = "a policy has at most 262144 bytes"};
        return ERR_VALUE;
    }
    nul = text.len == 0 ? NULL : memchr(text.data, 0, text.len);
    if (nul != NULL) {
        return policy_fault_at(fault, POLICY_FAULT_ENCODING, text, (size_t)(nul - text.data),
                               span_of(nul, 1), "NUL characters are not allowed");
    }
    if (text_is_utf8(text)) {
        return ERR_OK;
    }
    while (good < text.len) {
        uint8_t c = text.data[good];
        size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

        if (n > text.len - good || !text_is_utf8(span_cut(text, good, n))) {
            break;
        }
        good += n;
    }
    return policy_fault_at(fault, POLICY_FAULT_ENCODING, text, good, span_cut(text, good, 1),
                           "the text is not valid UTF-8");
}

err_t policy_compile(struct span text, struct policy_fault *fault, struct policy **ret)
{
    struct policy *policy;
    err_t err = check_text(text, fault);

    if (err) {
        return err;
    }
    policy = new_policy();
    if (policy == NULL) {
        return ERR_MEMORY;
    }
    policy->source = arena_dup(policy->arena, text);
    err = policy->source.data == NULL ? ERR_MEMORY : policy_parse(policy, fault);
    err = err ? err : policy_check(policy, fault);
    if (err) {
        free_policy(policy);
        return err;
    }
    *ret = policy;
    return ERR_OK;
}

struct span policy_source(const struct policy *policy)
{
    return policy->source;
}

err_t policy_hash(struct arena *arena, struct span text, const char **ret)
{
    uint8_t digest[SHA256_BYTES];
    const char *encoded = base64_dup(arena, BASE64_URL, text);
    const char *hash = NULL;
    err_t err = encoded == NULL ? ERR_MEMORY : hash_once(HASH_SHA256, span_str(encoded), digest);

    if (err) {
        return err;
    }
    hash = base64_dup(arena, BASE64_URL, span_of(digest, sizeof(digest)));
    if (hash == NULL) {
        return ERR_MEMORY;
    }
    *ret = hash;
    return ERR_OK;
}

const char *policy_section_name(enum policy_section section)
{
    static const char *const names[POLICY_SECTIONS] = {"configuration", "authorization",
                                                       "issuance"};

    return names[section];
}
