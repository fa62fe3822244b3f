/*
 * cmdline.h - a kernel command line as GRUB measures it: the kernel's file name, a space, and the
 * parameters.
 */
#ifndef APPRAISE_CMDLINE_H
#define APPRAISE_CMDLINE_H

#include "base/span.h"

#include <stdbool.h>

/*
 * Take the file name off. True when it is a path to every reader of the command line: GRUB ends the
 * first word at a space; the kernel ends it at a tab, too, and reads a quote over spaces up to the
 * next quote, so that a file named so would bring parameters along, or take some away.
 * *ret_parameters begins with the space, or is empty.
 */
bool cmdline_split(struct span measured, struct span *ret_parameters);

#endif
