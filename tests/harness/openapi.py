# SPDX-License-Identifier: Apache-2.0
"""Validates answers against the API's description: Docker's own where it is at hand (MINATO_OPENAPI, or
../shared/reference beside the checkout), else the one minatod generates from its tables."""
import json
import os
import re
import subprocess

import jsonschema
import yaml

from .daemon import TOP, program

# Pointers in Docker's Go structs that its description calls plain numbers and booleans; dockerd writes null, too.
NULLABLE = {"MemorySwappiness", "OomKillDisable", "PidsLimit", "Init", "ExitCode"}
DOCKER = "docker-engine-api-v1.55.yaml"


def _find():
    for path in (os.environ.get("MINATO_OPENAPI"), TOP.parent / "shared" / "reference" / DOCKER,
                 TOP.parent.parent / "shared" / "reference" / DOCKER):
        if path and os.path.exists(path):
            return str(path)
    return None


def _schema(node):
    """Swagger 2.0 to JSON schema. Docker's Go structs write a nil list, map or pointer as null, whether the description
    says so or not."""
    if isinstance(node, list):
        return [_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    result = {key: _schema(value) for key, value in node.items() if key not in ("example", "x-nullable", "format")}
    if "enum" in result and None not in result["enum"]:
        result["enum"] = result["enum"] + ["", None]
    for name in NULLABLE & set(node.get("properties") or ()):
        result["properties"][name] = {"anyOf": [result["properties"][name], {"type": "null"}]}
    kind = result.get("type")
    if isinstance(kind, str) and (kind in ("array", "object") or node.get("x-nullable")):
        result["type"] = [kind, "null"]
    return result


def patterns_of(paths):
    """[(regular expression, path of the description)], literal paths first."""
    result = []
    for path in paths:
        long_names = path.startswith(("/images/", "/distribution/", "/plugins/"))
        parts = [re.escape(part) if not part.startswith("{") else ".+" if long_names else "[^/]+"
                 for part in path.strip("/").split("/")]
        result.append((re.compile("^/" + "/".join(parts) + "$"), path))
    return sorted(result, key=lambda item: item[1].count("{"))


class Description:
    """The paths and schemas; `source` is the file they came from, None for the generated ones."""

    def __init__(self, document=None):
        self.source = None if document else _find()
        if document:
            pass
        elif self.source:
            with open(self.source) as file:
                document = yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        else:
            document = generated()
        self.paths = document["paths"]
        self.base = document.get("basePath", "")
        self.root = {"definitions": _schema(document.get("definitions", {}))}
        self.patterns = patterns_of(self.paths)
        self.validators = {}

    def operation(self, method, path):
        """(path of the description, its operation) that a request belongs to, or (None, None)."""
        path = re.sub(r"^/v\d+\.\d+(?=/)", "", path.split("?")[0])
        for pattern, name in self.patterns:
            if pattern.match(path) and method.lower() in self.paths[name]:
                return name, self.paths[name][method.lower()]
        return None, None

    def validate(self, method, path, response):
        """Raises when status or body are not what the description allows."""
        name, operation = self.operation(method, path)
        assert operation, f"{method} {path} is not in {self.source or 'the generated description'}"
        answers = {str(key): value for key, value in operation["responses"].items()}
        answer = answers.get(str(response.status)) or (answers.get("default") if response.status >= 400 else None)
        if not self.source and (response.status == 304 or re.match(r"/v\d", path) and not path.startswith(self.base + "/")):
            return  # the generated one knows the newest version only, and one status of success
        if answer is None:
            # Docker's description leaves out many failures (400, 404, 501, 503); their form is always the same.
            assert response.status >= 400, f"{method} {name} answered {response.status}, described are {list(answers)}"
            answer = {"schema": {"$ref": "#/definitions/ErrorResponse"}}
        schema = answer.get("schema")
        if not schema or "json" not in response.headers.get("content-type", "") or method == "HEAD":
            return
        documents = response.lines() if "chunked" in response.headers.get("transfer-encoding", "") else [response.json()]
        for document in documents:
            self.validator(schema).validate(document)

    def validator(self, schema):
        """One per schema: making it is the slow part."""
        key = json.dumps(schema, sort_keys=True)
        if key not in self.validators:
            self.validators[key] = jsonschema.Draft4Validator({**self.root, **_schema(schema)})
        return self.validators[key]


def generated():
    """The description of this build, from its own tables."""
    return json.loads(subprocess.run([program("minatod"), "--print-openapi"], check=True, capture_output=True).stdout)
