# SPDX-License-Identifier: Apache-2.0
"""OCI layouts of many images that share a layer."""
import hashlib
import io
import json
import tarfile

MEDIA = "application/vnd.oci.image."


def layer(name, data):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def many(count, platforms=("amd64",), has_own_layers=False):
    """An archive of `count` indexes "many:0" ..., each of one image per platform."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        def add(name, data):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))

        def blob(data, kind, **more):
            if not isinstance(data, bytes):
                data = json.dumps(data).encode()
            digest = hashlib.sha256(data).hexdigest()
            add(f"blobs/sha256/{digest}", data)
            return {"mediaType": MEDIA + kind, "digest": f"sha256:{digest}", "size": len(data), **more}

        def image(number, architecture, layers):
            config = blob({"architecture": architecture, "os": "linux", "author": str(number), "config": {"Cmd": ["sh"]},
                           "rootfs": {"type": "layers", "diff_ids": [item["digest"] for item in layers]}}, "config.v1+json")
            return blob({"schemaVersion": 2, "mediaType": MEDIA + "manifest.v1+json", "config": config, "layers": layers},
                        "manifest.v1+json", platform={"os": "linux", "architecture": architecture})

        shared, entries = blob(layer("shared", b"x" * 5000), "layer.v1.tar"), []
        for number in range(count):
            layers = [shared] + ([blob(layer(f"own-{number}", b"y" * 500), "layer.v1.tar")] if has_own_layers else [])
            index = {"schemaVersion": 2, "mediaType": MEDIA + "index.v1+json",
                     "manifests": [image(number, architecture, layers) for architecture in platforms]}
            entries.append(blob(index, "index.v1+json", annotations={"io.containerd.image.name": f"docker.io/library/many:{number}"}))
        add("index.json", json.dumps({"schemaVersion": 2, "manifests": entries}).encode())
        add("oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
    return out.getvalue()
