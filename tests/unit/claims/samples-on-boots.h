/*
 * samples-on-boots.h - what each published policy says to each recorded boot, in the order of the
 * boots in t-samples-on-boots.c; NULL: as to the boot before.
 *
 * Some of it is not what the policies' authors may have meant (policy-language section 12.5): the
 * rule for safe mode and WinPE says the good word when nothing was measured, that for ELAM is true
 * for an empty list, and OVMF measures boot variables without their names, so that no BootOrder is
 * proven.
 */
/* clang-format off */
    {"author-1.0-deny-all.txt",
     {"deny"}},
    {"author-1.0-issue-securitylevel.txt",
     {"permit SecurityLevelValue=100",
      "no-permit",
      "permit SecurityLevelValue=100"}},
    {"author-1.0-permit-secureboot.txt",
     {"permit",
      "no-permit",
      "permit"}},
    {"grammar-osname-rules.txt",
     {"permit"}},
    {"project-default-azureguest.txt",
     {"permit"}},
    {"sdk-1.0-draft-failing.txt",
     {"no-permit"}},
    {"sdk-1.0-draft-sgx.txt",
     {"no-permit"}},
    {"sdk-1.0-test-minimal.txt",
     {"permit"}},
    {"sgx-1.0-default-legacy-names.txt",
     {"no-permit"}},
    {"sgx-1.0-jwt-signed-payload.txt",
     {"permit"}},
    {"sgx-1.0-jwt-unsigned-payload.txt",
     {"no-permit"}},
    {"sgx-1.0-multiple-signers.txt",
     {"no-permit"}},
    {"sgx-1.0-rotation-after.txt",
     {"no-permit"}},
    {"sgx-1.0-rotation-before.txt",
     {"no-permit"}},
    {"sgx-1.0-rotation-during.txt",
     {"no-permit"}},
    {"sgx-1.1-default.txt",
     {"permit"}},
    {"snippet-1.2-bitlocker-boot-state.txt",
     {"permit bitlockerStatus=0"}},
    {"snippet-1.2-boot-application-subversion.txt",
     {"permit"}},
    {"snippet-1.2-boot-debugging.txt",
     {"permit bootDebuggingDisabled=false"}},
    {"snippet-1.2-boot-manager-version.txt",
     {"permit"}},
    {"snippet-1.2-boot-revision-list.txt",
     {"permit"}},
    {"snippet-1.2-code-integrity-ci-policy.txt",
     {"permit"}},
    {"snippet-1.2-code-integrity.txt",
     {"permit codeIntegrityEnabled=false"}},
    {"snippet-1.2-data-execution-prevention-dep-policy.txt",
     {"permit depPolicy=0"}},
    {"snippet-1.2-early-launch-antimalware-elam.txt",
     {"permit elamDriverLoaded=true"}},
    {"snippet-1.2-hypervisor-protected-code-integrity-hvci.txt",
     {"permit hvciEnabled=false"}},
    {"snippet-1.2-input-output-memory-management-unit-iomm.txt",
     {"permit iommuEnabled=false"}},
    {"snippet-1.2-kernel-debugging.txt",
     {"permit osKernelDebuggingDisabled=false"}},
    {"snippet-1.2-pcr-value-evaluation.txt",
     {"permit"}},
    {"snippet-1.2-safe-mode.txt",
     {"permit notSafeMode=true"}},
    {"snippet-1.2-secure-boot-configuration-policy-hash-sb.txt",
     {"permit"}},
    {"snippet-1.2-system-guard-drtm-validation-and-smm-lev.txt",
     {"permit drtmMleValid=false"}},
    {"snippet-1.2-test-and-flight-signing.txt",
     {"permit testSigningDisabled=false flightSigningNotEnabled=false"}},
    {"snippet-1.2-virtual-secure-mode-vbs.txt",
     {"permit vsmEnabled=false vbsEnabled=false"}},
    {"snippet-1.2-winpe-boot.txt",
     {"permit notWinPE=true"}},
    {"sql-1.0-always-encrypted-old.txt",
     {"no-permit"}},
    {"sql-1.0-always-encrypted-two-signers.txt",
     {"no-permit"}},
    {"tpm-1.0-concepts-simple.txt",
     {"permit PlatformAttested=true",
      "permit",
      "permit PlatformAttested=true"}},
    {"tpm-1.0-platform-attested.txt",
     {"permit"}},
    {"tpm-1.0-sample-minimal.txt",
     {"permit"}},
    {"tpm-1.1-configuration-rules.txt",
     {"permit"}},
    {"tpm-1.2-concepts-key-attestation.txt",
     {"permit requestKeyType='RSA' requestKeyQuoteHashAlg='sha-256'"}},
    {"tpm-1.2-concepts-linux-ima.txt",
     {"permit bootOrder=false secureBootEnabled=true platformKey=(text) "
      "keyExchangeKey=(text) keyDatabase=(text) forbiddenSignatures=(text)",
      "permit bootOrder=false secureBootEnabled=false platformKey=(text) "
      "keyExchangeKey=(text) keyDatabase=(text) forbiddenSignatures=(text)",
      "permit bootOrder=false secureBootEnabled=true platformKey=(text) "
      "keyExchangeKey=(text) keyDatabase=(text) forbiddenSignatures=(text)"}},
    {"tpm-1.2-concepts-windows.txt",
     {"permit hvciEnabled=false MaliciousDriverLoaded=true"}},
    {"tpm-1.2-healthattestation-csp.txt",
     {"permit secureBootEnabled=true codeIntegrityEnabled=false bitlockerEnabled=false "
      "WindowsDefenderElamDriverLoaded=true bootDebuggingDisabled=false "
      "osKernelDebuggingDisabled=false depPolicy=0 testSigningDisabled=false "
      "flightSigningNotEnabled=false vbsEnabled=false hvciEnabled=false iommuEnabled=false "
      "notSafeMode=true notWinPE=true",
      "permit secureBootEnabled=false codeIntegrityEnabled=false bitlockerEnabled=false "
      "WindowsDefenderElamDriverLoaded=true bootDebuggingDisabled=false "
      "osKernelDebuggingDisabled=false depPolicy=0 testSigningDisabled=false "
      "flightSigningNotEnabled=false vbsEnabled=false hvciEnabled=false iommuEnabled=false "
      "notSafeMode=true notWinPE=true",
      "permit secureBootEnabled=true codeIntegrityEnabled=false bitlockerEnabled=false "
      "WindowsDefenderElamDriverLoaded=true bootDebuggingDisabled=false "
      "osKernelDebuggingDisabled=false depPolicy=0 testSigningDisabled=false "
      "flightSigningNotEnabled=false vbsEnabled=false hvciEnabled=false iommuEnabled=false "
      "notSafeMode=true notWinPE=true"}},
    {"tpm-1.2-sample-boot.txt",
     {"permit aikValidated=true SecureBootEnabled=true CodeIntegrityEnabled=false "
      "BitlockerStatus=false ELAMDriverLoaded=true",
      "permit aikValidated=true SecureBootEnabled=false CodeIntegrityEnabled=false "
      "BitlockerStatus=false ELAMDriverLoaded=true",
      "permit aikValidated=true SecureBootEnabled=true CodeIntegrityEnabled=false "
      "BitlockerStatus=false ELAMDriverLoaded=true"}},
    {"tpm-1.2-sample-drivers.txt",
     {"permit alldriverloads='[]' DriverLoadPolicy='null'"}},
    {"tpm-1.2-sample-issue-all.txt",
     {"permit outputEvents=(text)"}},
    {"tpm-1.2-sample-key-attestation.txt",
     {"no-permit"}},
    {"tpm-1.2-sample-known-pcrs.txt",
     {"no-permit"}},
    {"tpm-1.2-sample-linux.txt",
     {"permit bootOrder=false secureBootEnabled=true platformKey=(text) "
      "keyExchangeKey=(text) keyDatabase=(text) forbiddenSignatures=(text)",
      "permit bootOrder=false secureBootEnabled=false platformKey=(text) "
      "keyExchangeKey=(text) keyDatabase=(text) forbiddenSignatures=(text)",
      "permit bootOrder=false secureBootEnabled=true platformKey=(text) "
      "keyExchangeKey=(text) keyDatabase=(text) forbiddenSignatures=(text)"}},
    {"tpm-1.2-sample-system-guard.txt",
     {"permit drtmMleValid=false"}},
    {"tpm-1.2-sample-windows-critical.txt",
     {"permit secureBootEnabled=true bootDebuggingDisabled=false vbsEnabled=false "
      "drtmMleValid=false",
      "permit secureBootEnabled=false bootDebuggingDisabled=false vbsEnabled=false "
      "drtmMleValid=false",
      "permit secureBootEnabled=true bootDebuggingDisabled=false vbsEnabled=false "
      "drtmMleValid=false"}},
    {"vbs-1.0-no-security.txt",
     {"permit"}},
    {"vbs-1.0-optimum.txt",
     {"no-permit"}},
    {"vbs-1.2-sample-enclave-identity.txt",
     {"no-permit"}},
    /* clang-format on */
