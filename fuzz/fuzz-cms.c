/*
 * Who can send these bytes: who may deploy the extension to a machine. The pair is made for this
 * target; the seed ec-recipient is encrypted to it.
 */
#include "crypto/cms.h"

#include "crypto/hash.h"

static const char cert[] = "-----BEGIN CERTIFICATE-----\n"
                           "MIIBiTCCAS+gAwIBAgIUGS6osvZ4cz0tp7OzR0Ir0KuuwnkwCgYIKoZIzj0EAwIw\n"
                           "GTEXMBUGA1UEAwwOTGludXhUcmFuc3BvcnQwIBcNMjYxMTIyMTgyODQ0WhgPMjEy\n"
                           "NjEwMjkxODI4NDRaMBkxFzAVBgNVBAMMDkxpbnV4VHJhbnNwb3J0MFkwEwYHKoZI\n"
                           "zj0CAQYIKoZIzj0DAQcDQgAEyetDuT1bNHOIQNm5T116qepdhFSyYXpCdNS0S4oX\n"
                           "Ddr96Yi/pOHq9EaX61GrpHpsyS2yM6Sxfs7KijYimHqSAaNTMFEwHQYDVR0OBBYE\n"
                           "FMxx9q0ldteMOz1NSyJfpikA4ae8MB8GA1UdIwQYMBaAFMxx9q0ldteMOz1NSyJf\n"
                           "pikA4ae8MA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIgEzq+Thfw\n"
                           "aOPQujLpt6hLW3zaZpy84IQAIw92BL6VT6sCIQCcP7N9bTK1X4WYY6mcvMSuHbVM\n"
                           "iVwTV0oQjQIMu7XiWw==\n"
                           "-----END CERTIFICATE-----\n";
static const char key[] = "-----BEGIN PRIVATE KEY-----\n"
                          "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgnLyWBl+CjSCF2Xto\n"
                          "ouykkIL/7oWVOF7dr2EzAe1uzSGhRANCAATJ60O5PVs0c4hA2blPXXqp6l2EVLJh\n"
                          "ekJ01LRLihcN2v3piL+k4er0RpfrUaukemzJLbIzpLF+zsqKNiKYepIB\n"
                          "-----END PRIVATE KEY-----\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf plain = {0};
    err_t err = crypto_init();

    buf_init_secret(&plain, 65536);
    err = err ? err : cms_open(span_of(data, size), span_str(cert), span_str(key), NULL, &plain);
    if ((err != ERR_OK && plain.len > 0) || plain.len > 65536) {
        __builtin_trap();
    }
    buf_done(&plain);
    return 0;
}
