#include "guest/running.h"

#include "evidence/azureguest.h"
#include "json/json.h"

#include <stdio.h>

enum {
    MODULES_MEMBERS_BYTES =
        96, /* "Modules", "ModulesComplete" and "ModulesLoaded" around the list */
    BIT_WORD_SIZE = 16,
};

/* What is not known has no member; null would be an answer. */
static void add_if_any(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name,
                       const char *text)
{
    if (text != NULL && text[0] != '\0') {
        json_add_text(doc, object, name, text);
    }
}

static void add_answer(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name,
                       enum running_answer answer)
{
    if (answer != RUNNING_UNKNOWN) {
        json_add_bool(doc, object, name, answer == RUNNING_YES);
    }
}

static void add_mok(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *root,
                    const struct running *running)
{
    yyjson_mut_val *all = NULL;

    for (size_t i = 0; i < RUNNING_MOK_COUNT; i++) {
        const struct running_variable *variable = &running->mok[i];
        const char *name = running_mok_name((enum running_mok)i);
        yyjson_mut_val *one;

        if (variable->is_there == RUNNING_UNKNOWN) {
            continue;
        }
        all = all == NULL ? json_add_object(doc, root, "Mok") : all;
        if (variable->is_there == RUNNING_NO) {
            json_add_text(doc, all, name, NULL);
            continue;
        }
        one = json_add_object(doc, all, name);
        json_add_hex(arena, doc, one, "Sha256",
                     span_of(variable->sha256, sizeof(variable->sha256)));
        json_add_uint(doc, one, "Size", variable->size);
    }
}

static void add_taints(yyjson_mut_doc *doc, yyjson_mut_val *root, const struct running *running)
{
    yyjson_mut_val *list;

    if (!running->has_taints) {
        return;
    }
    json_add_uint(doc, root, "Tainted", running->taints);
    list = json_add_array(doc, root, "TaintedBy");
    for (unsigned bit = 0; bit < KERNEL_TAINT_BITS; bit++) {
        const char *name = kernel_taint_name(bit);
        char word[BIT_WORD_SIZE];

        snprintf(word, sizeof(word), "bit %u", bit);
        if ((running->taints >> bit & 1) != 0) {
            yyjson_mut_arr_append(list, yyjson_mut_strcpy(doc, name != NULL ? name : word));
        }
    }
}

static void add_unread(yyjson_mut_doc *doc, yyjson_mut_val *root, const struct running *running)
{
    yyjson_mut_val *list = running->n_unread > 0 ? json_add_array(doc, root, "Unread") : NULL;

    for (size_t i = 0; i < running->n_unread; i++) {
        yyjson_mut_val *one = yyjson_mut_arr_add_obj(doc, list);

        json_add_text(doc, one, "Fact", running->unread[i].fact);
        json_add_text(doc, one, "Why", running->unread[i].why);
    }
}

static yyjson_mut_val *all_but_modules(struct arena *arena, yyjson_mut_doc *doc,
                                       const struct guest_os *os, const struct guest_facts *facts,
                                       const struct running *running)
{
    yyjson_mut_val *root = yyjson_mut_obj(doc);

    json_add_text(doc, root, "AgentVersion", facts->agent_version);
    add_if_any(doc, root, "BootId", facts->boot_id);
    json_add_text(doc, root, "KernelRelease", facts->kernel_release);
    add_if_any(doc, root, "OsName", os->pretty_name);
    add_if_any(doc, root, "OsVersion", os->version);
    add_answer(doc, root, "SecureBoot", running->secure_boot);
    add_answer(doc, root, "SetupMode", running->setup_mode);
    add_mok(arena, doc, root, running);
    add_if_any(doc, root, "SbatLevel", running->sbat_level);
    add_if_any(doc, root, "Lockdown", running->lockdown);
    add_answer(doc, root, "ModuleSignaturesEnforced", running->enforces_signatures);
    add_taints(doc, root, running);
    add_unread(doc, root, running);
    return root;
}

/* ---- modules ---- */

static yyjson_mut_val *module_object(yyjson_mut_doc *doc, const struct running *running, size_t i)
{
    const struct kernel_module *module = &running->modules[i];
    const struct module_signature *signature = &running->signatures[i];
    yyjson_mut_val *one = yyjson_mut_obj(doc);

    add_if_any(doc, one, "HashAlgorithm", signature->hash);
    add_if_any(doc, one, "KeyId", signature->key_id);
    json_add_text(doc, one, "Name", module->name);
    json_add_text(doc, one, "Signer", signature->signer[0] != '\0' ? signature->signer : NULL);
    add_if_any(doc, one, "Taints", module->taints);
    add_if_any(doc, one, "Unread", module_unread_name(signature->unread));
    return one;
}

/* What a person would look for first. */
static bool is_odd(const struct running *running, size_t i)
{
    return running->modules[i].taints[0] != '\0' || running->signatures[i].signer[0] == '\0';
}

/* Those of one kind that fit into what is left. */
static err_t choose(struct arena *arena, yyjson_mut_doc *doc, const struct running *running,
                    bool odd, size_t *left, yyjson_mut_val **chosen)
{
    for (size_t i = 0; i < running->n_modules; i++) {
        yyjson_mut_val *one;
        struct span text;

        if (is_odd(running, i) != odd) {
            continue;
        }
        one = module_object(doc, running, i);
        text = json_write(arena, doc, one, false);
        if (text.data == NULL) {
            return ERR_MEMORY;
        }
        if (text.len + 1 <= *left) {
            *left -= text.len + 1; /* and a comma */
            chosen[i] = one;
        }
    }
    return ERR_OK;
}

static err_t add_modules(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *root,
                         const struct running *running)
{
    struct span rest = json_write(arena, doc, root, false);
    yyjson_mut_val **chosen = arena_calloc(arena, running->n_modules + 1, sizeof(yyjson_mut_val *)),
                   *list;
    size_t taken = rest.len + MODULES_MEMBERS_BYTES;
    size_t left = taken < AZUREGUEST_FACTS_MAX ? AZUREGUEST_FACTS_MAX - taken : 0;
    err_t err = rest.data == NULL || chosen == NULL ? ERR_MEMORY : ERR_OK;

    err = err ? err : choose(arena, doc, running, true, &left, chosen);
    err = err ? err : choose(arena, doc, running, false, &left, chosen);
    if (err) {
        return err;
    }
    list = json_add_array(doc, root, "Modules");
    for (size_t i = 0; i < running->n_modules; i++) {
        if (chosen[i] != NULL) {
            yyjson_mut_arr_append(list, chosen[i]);
        }
    }
    json_add_bool(doc, root, "ModulesComplete", running->is_complete);
    json_add_uint(doc, root, "ModulesLoaded", running->n_loaded);
    return ERR_OK;
}

err_t running_document(struct arena *arena, const struct guest_os *os,
                       const struct guest_facts *facts, const struct running *running,
                       struct span *ret)
{
    yyjson_mut_doc *doc = json_new(arena);
    yyjson_mut_val *root = doc == NULL ? NULL : all_but_modules(arena, doc, os, facts, running);
    struct span text;
    err_t err = root == NULL ? ERR_MEMORY : ERR_OK;

    if (err == ERR_OK && running->has_modules) {
        err = add_modules(arena, doc, root, running);
    }
    err = err ? err : json_sort(arena, doc, root);
    if (err) {
        return err;
    }
    text = json_write(arena, doc, root, false);
    if (text.data == NULL) {
        return ERR_MEMORY;
    }
    if (text.len > AZUREGUEST_FACTS_MAX) {
        return ERR_TOO_LARGE;
    }
    *ret = text;
    return ERR_OK;
}
