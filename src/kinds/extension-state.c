/*
 * extension-state.c - how far the extension of a virtual machine is: what its guest said, put into
 * the words of a resource manager. It ends in Succeeded or Failed within EXTENSION_WAIT_S of its
 * last change, and a guest that reports later changes that again.
 */
#include "kinds/vm.h"

#include "base/text.h"

#include <stdio.h>

/* ---- the guest's status ---- */

/* Of the element of a status file: "success", "error", ... and its words; "" when it said nothing.
 */
struct said {
    const char *status;
    const char *message;
    yyjson_val *substatus;
};

static const char *words_of(yyjson_val *status)
{
    const char *text = json_text(json_get(json_get(status, "formattedMessage"), "message"));

    return text == NULL ? "" : text;
}

static void read_status(struct control_call *call, const struct vm_guest *guest, struct said *ret)
{
    yyjson_val *root = NULL, *status;
    const char *text;

    *ret = (struct said){"", "", NULL};
    if (guest->status.data == NULL || guest->status.len == 0 ||
        json_read(call->arena, guest->status, NULL, NULL, &root) != ERR_OK) {
        return;
    }
    status = json_get(root, "status");
    text = json_text(json_get(status, "status"));
    ret->status = text == NULL ? "" : text;
    ret->message = text_escape_dup(call->arena, span_str(words_of(status)), 1024);
    ret->substatus = json_get(status, "substatus");
}

/* ---- judging ---- */

#define CHECK_WORDS " Run bootwarden-agent check in the guest: it says what is in the way."

static void fail(struct extension_state *ret, const char *code, const char *message)
{
    *ret = (struct extension_state){.state = "Failed", .code = code, .message = message};
}

static const char *value_of(const struct resource *extension, const char *member)
{
    const char *text = body_text(body_get(body_get(extension->body, "properties"), member));

    return text == NULL ? "" : text;
}

/* control-plane-api 8: the words in which Azure reports a failure of an extension. */
static void fail_in_guest(struct control_call *call, const struct resource *extension,
                          const char *words, struct extension_state *ret)
{
    fail(
        ret, "VMExtensionProvisioningError",
        arena_printf(call->arena,
                     "VM has reported a failure when processing extension '%s' (publisher '%s' and "
                     "type '%s'). Error message: '%s'",
                     extension->name, value_of(extension, "publisher"), value_of(extension, "type"),
                     words));
}

/* Who does not get through at all cannot say so: the rules are asked for him. */
static void fail_unheard(struct control_call *call, const struct resource *vm, const char *words,
                         struct extension_state *ret)
{
    const char *rule = ret->is_brief ? "" : network_words(call, vm);

    fail(ret, "VMExtensionProvisioningTimeout",
         arena_printf(call->arena, "%s%s%s", words, rule[0] == '\0' ? "" : " ", rule));
    ret->network = rule;
}

/* What its owner switched off no guest's agent can get around. */
static void fail_without_vtpm(struct control_call *call, const struct resource *vm,
                              const struct resource *extension, struct extension_state *ret)
{
    struct resource_path path;

    if (resource_id_read(call->arena, span_str(vm->id), NULL, &path) != ERR_OK) {
        path.group = (struct span){0};
    }
    fail(ret, "VMExtensionProvisioningError",
         arena_printf(call->arena,
                      "VM extension %s cannot do its work: the virtual machine has no vTPM, and no "
                      "guest joins without one. Switch it on (az vm update -g %.*s -n %s "
                      "--enable-vtpm true), or remove the extension.",
                      extension->name, (int)path.group.len,
                      path.group.data == NULL ? "" : (const char *)path.group.data, vm->name));
}

static void judge_absent(struct control_call *call, const struct resource *vm,
                         const struct resource *extension, const struct vm_guest *guest,
                         struct extension_state *ret)
{
    if (!vm_has_vtpm(vm)) {
        fail_without_vtpm(call, vm, extension, ret);
        return;
    }
    if (call->now < extension->changed + EXTENSION_WAIT_S) {
        ret->is_waiting = true;
        ret->message =
            guest->is_announced
                ? "Waiting for the guest to join with its token or endorsement key. One that is a "
                  "machine already, such as vm-..., does so after: bootwarden vm remove vm-..."
                : "Waiting for a guest: give its bootwarden-agent a join token (bootwarden vm "
                  "token, "
                  "or the createJoinToken action), or name its endorsement key in the tag " TAG_EK
                  ".";
        return;
    }
    fail_unheard(
        call, vm,
        arena_printf(
            call->arena,
            "Provisioning of VM extension %s has timed out: it is installed, but no guest "
            "has ever reported. %s",
            extension->name,
            guest->is_announced
                ? "One was announced and has not joined: is its agent running, and does it "
                  "reach this server?" CHECK_WORDS
                : "No guest is announced: give its agent a join token (bootwarden vm "
                  "token), or name its endorsement key in the tag " TAG_EK "."),
        ret);
    ret->is_waiting = true;
}

/* Since the extension was changed, and the guest joined. */
static bool is_heard(const struct resource *extension, const struct vm_guest *guest)
{
    return guest->monitor.contact > extension->changed ||
           guest->monitor.proof_time > extension->changed;
}

static void judge_unheard(struct control_call *call, const struct resource *vm,
                          const struct resource *extension, const struct vm_guest *guest,
                          struct extension_state *ret)
{
    int64_t since =
        extension->changed > guest->machine.created ? extension->changed : guest->machine.created;

    if (call->now < since + EXTENSION_WAIT_S) {
        ret->message = is_heard(extension, guest)
                           ? "Waiting for the guest's agent to prove its boot."
                           : "Waiting for the guest's agent to report.";
        return;
    }
    fail_unheard(
        call, vm,
        arena_printf(
            call->arena,
            "Provisioning of VM extension %s has timed out: the guest joined, but its agent "
            "%s. Is it running, and does it reach this server?" CHECK_WORDS,
            extension->name,
            is_heard(extension, guest) ? "has proven no boot since" : "has not reported since"),
        ret);
}

/* The guest's words are the whole sentence already when our own agent says them (decisions 10). */
static void judge_unreachable(struct control_call *call, const struct resource *vm,
                              const struct resource *extension, const struct vm_guest *guest,
                              struct extension_state *ret)
{
    const char *rule = ret->is_brief ? "" : network_words(call, vm);
    const char *why = guest->monitor.trouble_why;

    if (strstr(why, "provisioning failed. ") == NULL) {
        why = arena_printf(call->arena,
                           "%s.%s provisioning failed. Attestation endpoint unreachable: %s",
                           value_of(extension, "publisher"), value_of(extension, "type"), why);
    }
    fail_in_guest(call, extension,
                  arena_printf(call->arena, "%s%s%s", why == NULL ? "" : why,
                               rule[0] == '\0' ? "" : " ", rule),
                  ret);
    ret->network = rule;
}

void extension_judge(struct control_call *call, const struct resource *vm,
                     const struct resource *extension, const struct vm_guest *guest, bool is_brief,
                     struct extension_state *ret)
{
    struct said said;

    *ret = (struct extension_state){.state = extension->state, .message = "", .is_brief = is_brief};
    if (!guest->is_there) {
        judge_absent(call, vm, extension, guest, ret);
        return;
    }
    if (!is_heard(extension, guest)) {
        judge_unheard(call, vm, extension, guest, ret);
        return;
    }
    if (strcmp(guest->monitor.state, "unreachable") == 0) {
        judge_unreachable(call, vm, extension, guest, ret);
        return;
    }
    read_status(call, guest, &said);
    if (strcmp(said.status, "error") == 0) {
        fail_in_guest(call, extension, said.message, ret);
    } else if (guest->monitor.proof_time > extension->changed) {
        /* Who holds a session can say "success"; only the TPM can prove it. */
        *ret = (struct extension_state){.state = "Succeeded", .message = said.message};
    } else {
        judge_unheard(call, vm, extension, guest, ret);
    }
}

/* ---- showing ---- */

/* The verdict about the boot: the extension works whatever it says (extension-handler 12). */
static yyjson_mut_val *verdict_value(struct control_call *call, const struct vm_guest *guest)
{
    const struct store_monitor *m = &guest->monitor;
    bool is_good = strcmp(m->state, "healthy") == 0;
    bool is_open = strcmp(m->state, "changed") == 0 || strcmp(m->state, "never-reported") == 0 ||
                   strcmp(m->state, "not-applicable") == 0;

    return status_value(call,
                        is_good   ? "ComponentStatus/BootIntegrity/succeeded"
                        : is_open ? "ComponentStatus/BootIntegrity/warning"
                                  : "ComponentStatus/BootIntegrity/failed",
                        is_good   ? "Info"
                        : is_open ? "Warning"
                                  : "Error",
                        m->state, m->why, m->since);
}

/* A guest chooses the names of its findings ("attestation/tcp"); none may look like another part of
 * the code, or like the verdict, of which the server speaks for itself. NULL: not shown. */
static const char *shown_name(struct control_call *call, const char *name)
{
    static const char reserved[] = "BootIntegrity";
    char *shown = arena_printf(call->arena, "%.64s", name);
    size_t n = shown == NULL ? 0 : strlen(shown);

    for (size_t i = 0; i < n; i++) {
        bool is_good = (shown[i] >= 'a' && shown[i] <= 'z') ||
                       (shown[i] >= 'A' && shown[i] <= 'Z') || (shown[i] >= '0' && shown[i] <= '9');

        if (!is_good) {
            shown[i] = '-';
        }
    }
    return n == 0 || text_span_equal_nocase(span_cut(span_of(shown, n), 0, sizeof(reserved) - 1),
                                            reserved)
               ? NULL
               : shown;
}

static yyjson_mut_val *sub_value(struct control_call *call, yyjson_val *sub)
{
    const char *name = json_text(json_get(sub, "name")),
               *status = json_text(json_get(sub, "status"));
    const char *level = status != NULL && strcmp(status, "error") == 0     ? "Error"
                        : status != NULL && strcmp(status, "warning") == 0 ? "Warning"
                                                                           : "Info";
    const char *shown = name == NULL ? NULL : shown_name(call, name);

    if (shown == NULL || status == NULL) {
        return NULL;
    }
    return status_value(call,
                        arena_printf(call->arena, "ComponentStatus/%s/%s", shown,
                                     strcmp(level, "Info") == 0
                                         ? "succeeded"
                                         : text_escape_dup(call->arena, span_str(status), 20)),
                        level, text_escape_dup(call->arena, span_str(status), 20),
                        text_escape_dup(call->arena, span_str(words_of(sub)), 1024), 0);
}

/* The guest knows that it does not get through; the rules know why. */
static void add_network(struct control_call *call, yyjson_mut_val *array,
                        const struct extension_state *state, const struct vm_guest *guest)
{
    if (state->network != NULL && state->network[0] != '\0') {
        (void)yyjson_mut_arr_append(array, status_value(call, "ComponentStatus/Connectivity/failed",
                                                        "Error", "blocked by a network rule",
                                                        state->network, guest->monitor.since));
    }
}

static void add_substatuses(struct control_call *call, yyjson_mut_val *view,
                            const struct extension_state *state, const struct vm_guest *guest)
{
    yyjson_mut_val *array = json_add_array(call->doc, view, "substatuses"), *value;
    yyjson_arr_iter iter;
    yyjson_val *sub;
    struct said said;

    add_network(call, array, state, guest);
    if (!guest->is_there) {
        return;
    }
    (void)yyjson_mut_arr_append(array, verdict_value(call, guest));
    read_status(call, guest, &said);
    (void)yyjson_arr_iter_init(said.substatus, &iter);
    while ((sub = yyjson_arr_iter_next(&iter)) != NULL) {
        value = sub_value(call, sub);
        if (value != NULL) {
            (void)yyjson_mut_arr_append(array, value);
        }
    }
}

yyjson_mut_val *extension_view(struct control_call *call, const struct resource *extension,
                               const struct extension_state *state, const struct vm_guest *guest)
{
    yyjson_mut_doc *doc = call->doc;
    yyjson_mut_val *view = yyjson_mut_obj(doc), *statuses;
    const char *lower = resource_key(call->arena, span_str(state->state));
    bool is_failed = strcmp(state->state, "Failed") == 0;
    bool is_good = strcmp(state->state, "Succeeded") == 0;

    json_add_text(doc, view, "name", extension->name);
    json_add_text(doc, view, "type",
                  arena_printf(call->arena, "%s.%s", value_of(extension, "publisher"),
                               value_of(extension, "type")));
    json_add_text(doc, view, "typeHandlerVersion", value_of(extension, "typeHandlerVersion"));
    statuses = json_add_array(doc, view, "statuses");
    (void)yyjson_mut_arr_append(
        statuses, status_value(call, arena_printf(call->arena, "ProvisioningState/%s", lower),
                               is_failed ? "Error" : "Info",
                               is_good     ? "Provisioning succeeded"
                               : is_failed ? "Provisioning failed"
                                           : "Provisioning",
                               state->message, guest->monitor.contact));
    add_substatuses(call, view, state, guest);
    return view;
}
