/*
 * vm.h - inside of the kinds room: what the files about virtual machines share.
 */
#ifndef KINDS_VM_H
#define KINDS_VM_H

#include "kinds/guest.h"
#include "kinds/settings.h"

#define VM_VERSIONS "2024-11-01 2026-03-01 2024-07-01 2023-03-01 2022-11-01 2022-08-01 2020-06-01"
#define LINUX_PUBLISHER "Microsoft.Azure.Security.LinuxAttestation"
#define WINDOWS_PUBLISHER "Microsoft.Azure.Security.WindowsAttestation"
#define EXTENSION_TYPE "GuestAttestation"
#define EXTENSION_VERSION "1.0"

enum {
    EXTENSION_WAIT_S = 900,  /* for a guest's word, before it counts as failed */
    NETWORK_WORDS_MAX = 100, /* in one answer; a machine with its extension takes two */
};

bool vm_is_windows(const struct resource *vm);
bool vm_has_trusted_launch(const struct resource *vm);
bool vm_has_secure_boot(const struct resource *vm);
bool vm_has_vtpm(const struct resource *vm);
const char *vm_id_of(const struct resource *vm);

/* The extension of this publisher and type, or (type NULL) the one of Guest Attestation.
 * *ret_is_there. */
err_t vm_find_extension(struct control_call *call, const char *vm_key, struct trail *trail,
                        struct resource *ret, bool *ret_is_there) MUST_CHECK;
/* Extensions of a virtual machine, in the arena. */
err_t vm_extensions(struct control_call *call, const char *vm_key, struct trail *trail,
                    struct resource **ret, size_t *ret_n) MUST_CHECK;

/* How far an extension is, and in whose words. */
struct extension_state {
    const char *state; /* Creating, Updating, Succeeded, Failed */
    const char *code;  /* of a failure: VMExtensionProvisioningError, ... */
    const char *message;
    const char *network; /* which rule is in the way, and what helps; NULL or "" = none */
    bool is_waiting;     /* for a guest that has not joined yet */
    bool is_brief;       /* the rules were not asked */
};
/* is_brief: for who shows the state and no words, of which those about network rules are dear. */
void extension_judge(struct control_call *call, const struct resource *vm,
                     const struct resource *extension, const struct vm_guest *guest, bool is_brief,
                     struct extension_state *ret);
/* Are the interfaces, disks and identities that it names the caller's to use? What it had before is
 * not asked again. False and refused. */
bool vm_need_links(struct control_call *call, const struct resource *before,
                   const struct resource *wanted, struct control_answer *ret);
/* Which rule keeps a guest from its attestation endpoint, and what helps; "" when none does, and
 * behind the first NETWORK_WORDS_MAX of one answer: a list may have a thousand machines. */
const char *network_words(struct control_call *call, const struct resource *vm);
/* POST .../testNetwork */
void vm_test_network(struct control_call *call, struct resource *vm, struct control_answer *ret);
/* {"name","type","typeHandlerVersion","statuses","substatuses"} */
yyjson_mut_val *extension_view(struct control_call *call, const struct resource *extension,
                               const struct extension_state *state, const struct vm_guest *guest);
/* "ProvisioningState/succeeded" and so on, as Azure writes statuses. */
yyjson_mut_val *status_value(struct control_call *call, const char *code, const char *level,
                             const char *display, const char *message, int64_t time);

yyjson_mut_val *vm_instance_view(struct control_call *call, const struct resource *vm);

/* Monitoring is switched on or off as the virtual machine's extensions say. */
bool vm_sync_wanted(struct control_call *call, const struct resource *vm,
                    struct control_answer *ret);
/* The rule of the subscription: Secure Boot and vTPM on, so monitoring is on. When they come on,
 * with a new virtual machine (before NULL) or later, the extension is installed, whatever the
 * caller's own role; who may takes it away again. False and refused. */
bool vm_install_by_policy(struct control_call *call, const struct resource *before,
                          const struct resource *vm, struct control_answer *ret);

/* Its own principal (vm-identity.c): what a client says of it, and what is shown. */
bool vm_identity_prepare(struct control_call *call, struct resource *wanted,
                         struct control_answer *ret);
void vm_identity_show(struct control_call *call, const struct resource *vm, yyjson_mut_val *object);
/* It was kept: from now on its principal is found. False and refused. */
bool vm_identity_enter(struct control_call *call, const struct resource *vm,
                       struct control_answer *ret);
/* What it was before is it no more. NULL: there was none, or there is none now. */
void vm_identity_forget(struct control_call *call, const struct resource *before,
                        const struct resource *after);
/* User-assigned identities that it names (vm-users.c), by key in its private part: who they were
 * when they were named. False without memory. */
#define VM_USERS "userIdentities"
bool vm_users_prepare(struct control_call *call, struct resource *wanted);
bool vm_has_users(const struct resource *vm);
/* Also those that were made before there were rows. False and refused. */
bool vm_users_enter(struct control_call *call, const struct resource *vm,
                    struct control_answer *ret);
void vm_users_show(struct control_call *call, const struct resource *vm, yyjson_mut_val *object);
/* POST .../createIdentityAddress */
void vm_identity_address(struct control_call *call, struct resource *vm,
                         struct control_answer *ret);

extern const struct kind_action vm_actions[];

#endif
