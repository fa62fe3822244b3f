/*
 * published.h - the Trusted Launch evidence that Microsoft published, as a request.
 */
#ifndef TESTS_PUBLISHED_H
#define TESTS_PUBLISHED_H

#include "base/arena.h"
#include "base/span.h"

/* The inner JSON document of a Windows guest: the published TpmInfo and what its client sends
 * around it. There is no log: none was published. Read from the public corpora, so the test begins
 * with test_needs_public_data(). */
struct span published_inner(struct arena *arena);

#endif
