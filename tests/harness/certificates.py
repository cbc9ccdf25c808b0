# SPDX-License-Identifier: Apache-2.0
"""Certificates for tests: an authority, and what it signs."""
import subprocess

NAMES = "IP:127.0.0.1,DNS:localhost"


def _openssl(folder, *args):
    subprocess.run(["openssl", *args], cwd=folder, check=True, capture_output=True)


def authority(folder, name="ca"):
    """`name`.pem and `name`-key.pem: a certificate that signs others."""
    _openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{name}-key.pem",
             "-out", f"{name}.pem", "-days", "2", "-subj", f"/CN={name}")


def issue(folder, cert="cert.pem", key="key.pem", names=NAMES, days=2):
    """A certificate signed by the authority; `days` below zero: one that has expired."""
    (folder / "extensions").write_text(f"subjectAltName={names}\n" if names else "basicConstraints=CA:FALSE\n")
    _openssl(folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", "request.pem",
             "-subj", "/CN=test")
    _openssl(folder, "x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial", "-out", cert,
             "-days", str(days), "-extfile", "extensions")
