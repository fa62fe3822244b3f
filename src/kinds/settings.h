/*
 * settings.h - inside of the kinds room: what an administrator set for a subscription.
 */
#ifndef KINDS_SETTINGS_H
#define KINDS_SETTINGS_H

#include "kinds/parts.h"

/* Is Guest Attestation installed on every virtual machine with Trusted Launch, Secure Boot and
 * vTPM? (control-plane-api 6: what some clients did.) Off unless set. */
bool subscription_installs_extension(struct control_call *call, const struct resource *resource);
/* Is it refused on one without Secure Boot? (decisions section 9.) Yes unless set. */
bool subscription_needs_secure_boot(struct control_call *call, const struct resource *resource);

extern const struct kind kind_settings;

#endif
