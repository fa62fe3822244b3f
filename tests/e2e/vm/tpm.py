"""tpm.py - software TPMs: their making, with endorsement keys that one CA certified.

A TPM is a folder. It may be copied while no swtpm uses it; two machines never use one at once.
"""
import os
import pathlib

import processes

BANKS = "sha1,sha256"


class TpmMaker:
    """A CA in FOLDER, and TPMs that it certified. Like a hypervisor's operator."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        ca = self.folder
        (ca / "localca.conf").write_text(f"statedir = {ca}\nsigningkey = {ca}/signkey.pem\n"
                                         f"issuercert = {ca}/issuercert.pem\ncertserial = {ca}/certserial\n")
        (ca / "localca.options").write_text("--tpm-manufacturer id:00001014\n--tpm-model swtpm\n"
                                            "--tpm-version id:20191023\n--platform-manufacturer ExampleCloud\n"
                                            "--platform-version 2.1\n--platform-model QEMU\n")
        (ca / "setup.conf").write_text("create_certs_tool = /usr/bin/swtpm_localca\n"
                                       f"create_certs_tool_config = {ca}/localca.conf\n"
                                       f"create_certs_tool_options = {ca}/localca.options\n")

    def make(self, folder, name):
        """A new TPM in FOLDER; NAME is in its endorsement key's certificate."""
        os.mkdir(folder)
        processes.output(["swtpm_setup", "--tpm2", "--tpmstate", folder, "--config", self.folder / "setup.conf",
                          "--vmid", name, "--overwrite", "--create-ek-cert", "--create-platform-cert", "--lock-nvram",
                          "--pcr-banks", BANKS])

    def certificates(self):
        """PEM of root and issuer: what a server must trust."""
        return ((self.folder / "swtpm-localca-rootca-cert.pem").read_text()
                + (self.folder / "issuercert.pem").read_text())
