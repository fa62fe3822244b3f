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
