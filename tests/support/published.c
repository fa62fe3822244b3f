#include "support/published.h"

#include "support/support.h"

#include "base/buf.h"

struct span published_inner(struct arena *arena)
{
    struct span info =
        test_public_file(arena, "attestation/azureguest-trustedlaunch-windows-tpminfo.json");
    CLEANUP(buf_done) struct buf out = {0};

    buf_init(&out, 1 << 20);
    buf_add_str(&out, "{\"AttestationProtocolVersion\":\"2.0\",\"ClientPayload\":{},"
                      "\"IsolationInfo\":{\"Type\":\"TrustedLaunch\"},"
                      "\"OSBuild\":\"Tm90QXBwbGljYWJsZQ==\",\"OSDistro\":\"TWljcm9zb2Z0\","
                      "\"OSType\":\"V2luZG93cw==\","
                      "\"OSVersionMajor\":10,\"OSVersionMinor\":0,\"TcgLogs\":\"\",\"TpmInfo\":");
    buf_add(&out, info);
    buf_add_str(&out, "}");
    assert_ok(buf_err(&out));
    return arena_dup(arena, buf_span(&out));
}
