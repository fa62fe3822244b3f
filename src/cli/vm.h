/*
 * vm.h - what the parts of `bootwarden vm` share: machines of a server, how they are, who may join.
 */
#ifndef CLI_VM_H
#define CLI_VM_H

#include "cli/online.h"

command_fn vm_cmd_list;
command_fn vm_cmd_show;
command_fn vm_cmd_approve;
command_fn vm_cmd_relearn;
command_fn vm_cmd_attest;
command_fn vm_cmd_disable;
command_fn vm_cmd_enable;
command_fn vm_cmd_remove;
command_fn vm_cmd_joins;
command_fn vm_cmd_announce;
command_fn vm_cmd_token;
command_fn vm_cmd_identity;
command_fn vm_cmd_admit;
command_fn vm_cmd_reject;
command_fn vm_cmd_withdraw;
command_fn vm_cmd_extension_show;
command_fn vm_cmd_extension_set;

/* "/subscriptions/S/providers/Bootwarden.Monitor/KIND[/NAME]" and then `rest`, such as ":approve";
 * name NULL: of all. NULL at the arena's limit. */
const char *vm_path(const struct online *online, const char *kind, const char *name,
                    const char *rest);
/* ---- a machine, and virtual machine resources of the same name ---- */

/* A row of an option table: NAME is a resource of this group. */
#define VM_GROUP(target)                                                                           \
    {                                                                                              \
        "resource-group", 'g', OPTION_TEXT, "GROUP",                                               \
            "NAME is that of a virtual machine resource of this group", &(target), NULL, 0         \
    }

struct vm_resource {
    const char *name, *group; /* printable */
    yyjson_val *integrity;    /* properties.bootIntegrity (docs/formats/virtual-machines.md) */
    bool has_joined;          /* its guest, the machine of the id integrity.machine */
};
enum { VM_RESOURCES_MAX = 32 };
struct vm_resources {
    struct vm_resource at[VM_RESOURCES_MAX];
    size_t n;
    bool is_unknown; /* who asks may not see them all */
};

/* group, name: NULL for all. action: "" or such as "/createJoinToken". NULL at the arena's limit.
 */
const char *vm_resource_path(const struct online *online, const char *group, const char *name,
                             const char *action);
int vm_resource_get(struct online *online, const char *group, const char *name,
                    struct vm_resource *ret);
/* Of all groups of the subscription. */
int vm_resources_named(struct online *online, const char *name, struct vm_resources *ret);
/* The machine of this id is its guest; NULL is nobody's. */
bool vm_resource_is(const struct vm_resource *resource, const char *id);
/* From the resource manager's answer; false when it is no virtual machine. */
bool vm_resource_read(const struct online *online, yyjson_val *value, struct vm_resource *ret);
/* Say on standard error that this resource is not the machine of its name. */
void vm_tell_apart(const struct online *online, const struct vm_resource *resource);
/* The same of each that `name` could mean as well; false in *ret_is_clear when there is one. */
int vm_check_name(struct online *online, const char *name, yyjson_val *machine, bool *ret_is_clear);
/* What vm_path takes for the machine of a command: the guest of the resource, or, group being NULL,
 * the machine called so; then it is said where a resource of this name is another one. */
int vm_find(struct online *online, const char *group, const char *name, const char **ret);

/* ---- what the verbs share ---- */

/* A call of the management plane; what the answer holds in *ret. An exit code. */
int vm_ask(struct online *online, const char *method, const char *path, struct span body,
           const char *what, const char *look_with, yyjson_val **ret);
/* A member as printable text; "-" when it is missing or null. */
const char *vm_text(const struct online *online, yyjson_val *object, const char *name);
/* What a guest says of itself, for people: without the extension's name at the beginning. */
const char *vm_plain(const char *words);
/* One line "  name   value". */
void vm_line(const char *name, const char *value);
/* What its last proof was found to be, and what changed; for people. */
void vm_print_changes(const struct online *online, yyjson_val *machine);
/* One machine: for people, or as the service has it. An exit code. */
int vm_print(const struct online *online, yyjson_val *machine);

#endif
