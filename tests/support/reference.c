#include "support/reference.h"

#include "refdata/refdata.h"
#include "support/support.h"

#include <stdlib.h>

static struct reference *shipped;

static void release(void)
{
    reference_free(shipped);
}

const char *test_reference_folder(void)
{
    return TESTS_REFERENCE;
}

const struct reference *test_reference(void)
{
    struct trail trail = {0};

    if (shipped == NULL) {
        err_t err = refdata_load(TESTS_REFERENCE, false, &trail, &shipped);

        if (err) {
            fail_msg("%s: %s", trail.where, trail.what);
        }
        atexit(release);
    }
    return shipped;
}

struct reference *test_reference_own(void)
{
    (void)test_reference();
    return reference_ref(shipped);
}
