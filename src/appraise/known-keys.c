/*
 * known-keys.c - certificates that platforms of common vendors carry in PK, KEK and db.
 *
 * SHA-256 fingerprints of the DER form, computed from the published certificates and from the
 * key databases of real machines. Being here means "a stock platform key", not "good": it is
 * what the claims x-ms-azurevm-*validated rest on (decisions section 3).
 */
#include "appraise/internal.h"

#include "base/codec.h"

static const struct {
    const char *fingerprint;
    unsigned roles;
    const char *name;
} known[] = {
    /* Microsoft */
    {"a1117f516a32cefcba3f2d1ace10a87972fd6bbe8fe0d0b996e09e65d802a503", KNOWN_KEK,
     "Microsoft Corporation KEK CA 2011"},
    {"3cd3f0309edae228767a976dd40d9f4affc4fbd5218f2e8cc3c9dd97e8ac6f9d", KNOWN_KEK,
     "Microsoft Corporation KEK 2K CA 2023"},
    {"e8e95f0733a55e8bad7be0a1413ee23c51fcea64b3c8fa6a786935fddcc71961", KNOWN_DB | KNOWN_WINDOWS,
     "Microsoft Windows Production PCA 2011"},
    {"076f1fea90ac29155ebf77c17682f75f1fdd1be196da302dc8461e350a9ae330", KNOWN_DB | KNOWN_WINDOWS,
     "Windows UEFI CA 2023"},
    {"48e99b991f57fc52f76149599bff0a58c47154229b9f8d603ac40d3500248507", KNOWN_DB,
     "Microsoft Corporation UEFI CA 2011"},
    {"f6124e34125bee3fe6d79a574eaa7b91c0e7bd9d929c1a321178efd611dad901", KNOWN_DB,
     "Microsoft UEFI CA 2023"},
    {"e5be3e64c6e66a281457ecdece0d6d0787577aad2a3a0144262c10c14ba8d8f1", KNOWN_DB,
     "Microsoft Option ROM UEFI CA 2023"},
    {"2f569e8edaf9657dc4951c29598725255c7f821472db71374211fe44d082546f", KNOWN_PK,
     "Windows OEM Devices PK"},
    /* Hyper-V templates */
    {"b3bd98f4777241d721a96cd584dcb9d4b2098beb269c44442bdf609adce3b6c0", KNOWN_PK,
     "Hyper-V template platform key"},
    {"ca400f913ac6a55a5cc8629ce8d2b847bfa0fccad20a4d133c1f76dab2b36925", KNOWN_DB,
     "Hyper-V template db key"},
    /* OVMF builds of distributions */
    {"5fb05ed84c5170d542ed6a7b7487dd57b8faedb02f7e107b0409e1d22cac4169", KNOWN_PK | KNOWN_KEK,
     "Debian UEFI Secure Boot (PK/KEK key)"},
    {"258c6e9c3b21a5d7f121636070127d4194d1b66c2bd67dbaa734d34fa8147b17", KNOWN_PK | KNOWN_KEK,
     "Ubuntu OVMF Secure Boot (PK/KEK key)"},
    {"7f122fab825041c2b0c67696bb151db6f39fed7df2d1104107f5b892b354ef5c", KNOWN_PK | KNOWN_KEK,
     "Red Hat Secure Boot (PK/KEK key 1)"},
    /* Google Compute Engine and Container-Optimized OS */
    {"d1d217acf60ba4e4a890210322d006d673c0b82de9d65ad7f2d55897635429e2", KNOWN_PK,
     "GCE default PK"},
    {"7d75af8ed5cea65bf6f08f8e3cd52394bc18674e56772d86b32847aad84cb675", KNOWN_PK,
     "Container-Optimized OS UEFI Platform Key v10"},
    {"7b033db44e666c2e8d6b32bdc7f52db729041ba06e05977c7ab25306a4600bcd", KNOWN_KEK,
     "Container-Optimized OS UEFI Key Exchange Key v10"},
    {"a7b8c851deb2acba7c7d0e6ec091c93440f942c65d776fdcb58016f8fd1674b0", KNOWN_DB,
     "Container-Optimized OS UEFI DB Key v10"},
    {"c187832602dbada644d18fb43a5aab2ed71854f0a3ef678c0debfc96608b1eeb", KNOWN_PK,
     "Container-Optimized OS UEFI Platform Key v20250203"},
    {"e76a7b739876acbb3835e70a121192244f895e5bb033793e7470d196eed2b6bd", KNOWN_KEK,
     "Container-Optimized OS UEFI Key Exchange Key v20250203"},
    {"2fa7df82773db7eedb5cbaa88e20d885e4c19f1f24ee8e9930192893c258d0a4", KNOWN_DB,
     "Container-Optimized OS UEFI DB Key v20250203"},
    /* Machines of vendors */
    {"c2b2bf1403a2380cb316d5df34d1d72d3c85fc4e8327bad619575a2a31ee88e4", KNOWN_PK,
     "Dell Inc. Platform Key"},
    {"b91b83e3d11875d63ed7244d7fabbcc0ab2d622d81f09561de6b7f2a58622b8e", KNOWN_PK,
     "Dell Technologies Inc. Platform Key Gen16 3K"},
    {"e28d59ca489bd2ad580f2ea5d62d6a29bb9c02ae5a818434a37da7fc11dff9e9", KNOWN_KEK,
     "Dell Inc. Key Exchange Key"},
    {"d21defa30fc62db081e59ea274a100d507ed563f61adcf769ef1487c36e9d0f7", KNOWN_DB,
     "Dell Inc. UEFI DB"},
    {"04069b41636d9234a79a62153ed88d4ed184fb8dd1e7277f9d8ab99c758cae43", KNOWN_DB,
     "Dell Bios DB Key"},
    {"1d0d9461e36c195fd4029230fc5d0ad1fd0c6ac8af6d3b40ee2e9e359cf7167b", KNOWN_DB,
     "Dell Bios FW Aux Authority 2018"},
    {"dd92dc4c351631d99c90711c3cb4fd7104ada10d1254ce69cf84e5e54cd5879b", KNOWN_PK,
     "Hewlett-Packard UEFI Secure Boot Platform Key"},
    {"b2f95b13c524c40f6c79a6aebd565b069302e28e3871e50a1bd3f98780c1a2a5", KNOWN_KEK,
     "Hewlett-Packard UEFI Secure Boot Key Exchange Key"},
    {"0cb52d764718613b16989246670bbf7e3807aeefb191df9c93a081dfce0cff38", KNOWN_DB,
     "HP UEFI Secure Boot 2013 DB key"},
    {"88e7f1f436074cf55be4e72112ff35cfb3a265f5e725dd51ff517cd64f26b356", KNOWN_DB,
     "Hewlett-Packard UEFI Secure Boot DB Key"},
    {"881a60dd31ff89429f5a25db6ec3de6571f5543d1b3060824886d3b2c0023265", KNOWN_PK,
     "HPE UEFI Secure Boot 2016 PK"},
    {"4266179c42c32a50d20c92c9d85c95b551f05c5c852f2d7c6b35eea29c194242", KNOWN_KEK,
     "HPE UEFI Secure Boot 2016 KEK"},
    {"1fd83383576875f1194e97d717ca52630bab7f9c7945a8ea83ceae6714829865", KNOWN_DB,
     "HPE UEFI Secure Boot 2016 DB"},
    {"fbe14729e6a1d72e49c15e245f165f5e10fc77cfed5f460bf8dbbd0bfed732f5", KNOWN_PK,
     "Lenovo Ltd. PK CA 2012"},
    {"a9087d1044ad18f7a94916d284cbc01827cf23cd8f60b79072c9caa1fef4d649", KNOWN_KEK,
     "Lenovo Ltd. KEK CA 2012"},
    {"1101477d213640926822a22710c6898b24a42c1efbb9e6881c4859b483a571dd", KNOWN_DB,
     "ThinkPad Product CA 2012"},
    {"99abba42419f80cc967a95cbb6a0ecd754f4d243accb778ed2fef17899d3618e", KNOWN_DB,
     "Lenovo UEFI CA 2014"},
    {"5fc05b208b7a0c0134bec048dad1a1edfa6d15187dfafb8e3ba8a97911ddcc20", KNOWN_PK,
     "SUPERMICRO PK CA 2018"},
    {"0d6593be52f90c56b127f9d276e8db8d9f4e74dfde019af3fbc8dd3b56cbe20a", KNOWN_DB,
     "SUPERMICRO Product CA 2018"},
    {"3b7073dc023219145ff33b515fb0b9e1c195e81e3a8a726d13fa758408204091", KNOWN_DB,
     "VMware Secure Boot Signing"},
    {"d484739ddd38e1b38117cec209b7ed125f61933052fe1f8a42fbb95d38017187", KNOWN_DB, "VMware, Inc."},
};

const char *known_key_name(const uint8_t fingerprint[SHA256_BYTES], unsigned roles)
{
    char hex[2 * SHA256_BYTES + 1];

    hex_encode(span_of(fingerprint, SHA256_BYTES), hex, sizeof(hex));
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if ((known[i].roles & roles) != 0 && memcmp(known[i].fingerprint, hex, sizeof(hex)) == 0) {
            return known[i].name;
        }
    }
    return NULL;
}

static bool is_named_by_operator(const struct job *job, struct span der)
{
    for (size_t i = 0; i < job->trust->n_db_certificates; i++) {
        if (span_equal(job->trust->db_certificates[i], der)) {
            return true;
        }
    }
    return false;
}

static const char *subject_of(struct job *job, struct span der)
{
    CLEANUP(cert_free) struct cert *cert = NULL;

    if (cert_new_der(der, NULL, &cert) != ERR_OK) {
        return "an unreadable certificate";
    }
    return cert_subject(cert, job->arena);
}

err_t known_key_database(struct job *job, const struct key_database *database, unsigned role,
                         const char **ret_unknown)
{
    struct siglist_iter iter;
    struct siglist_entry entry;
    uint8_t fingerprint[SHA256_BYTES];
    err_t err;

    *ret_unknown = NULL;
    siglist_begin(&iter, database->lists);
    while ((err = siglist_next(&iter, &entry)) == ERR_OK) {
        if (entry.kind != SIGLIST_X509) {
            *ret_unknown = "an entry that is no certificate";
            return ERR_OK;
        }
        err = hasher_once(job->hasher, HASH_SHA256, entry.data, fingerprint);
        if (err) {
            return err;
        }
        if (known_key_name(fingerprint, role) == NULL && !is_named_by_operator(job, entry.data)) {
            *ret_unknown = subject_of(job, entry.data);
            return ERR_OK;
        }
    }
    if (err != ERR_END) {
        *ret_unknown = "a malformed list";
    }
    return ERR_OK;
}
