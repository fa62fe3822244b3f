/*
 * policy.h - what the parts of `bootwarden policy` share.
 */
#ifndef CLI_POLICY_H
#define CLI_POLICY_H

#include "policy/policy.h"
#include "json/json.h"

/* The verbs: argv[0] is the verb. An exit code. */
int policy_cmd_check(int argc, char **argv);
int policy_cmd_fmt(int argc, char **argv);
int policy_cmd_eval(int argc, char **argv);

/* The text at path ("-": standard input), one byte past the limit at most, so that the language
 * itself says that it is too large. An exit code; what went wrong is said. */
int policy_load(struct arena *arena, const char *path, struct span *ret);
/* The fault with its line and a caret, to standard error. */
void policy_complain(struct arena *arena, const char *path, const struct policy_fault *fault,
                     struct span source);
/* {"code","kind","line","column","symbol","rule","message"}, appended to nothing yet. */
yyjson_mut_val *policy_fault_json(struct arena *arena, yyjson_mut_doc *doc,
                                  const struct policy_fault *fault);
/* The document on standard output, indented; an exit code. */
int policy_print_json(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *root);

#endif
