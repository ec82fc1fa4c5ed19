"""One call of the oras client: `oras_calls.py ACTION REGISTRY TARGET [ARGUMENT...]`, result as JSON."""

import json
import sys

import oras.client
import oras.decorator
from oras.oci import Subject

# The client takes a refusal for a fault that passes, and would wait for minutes.
oras.decorator.time.sleep = lambda seconds: None


def login(client, registry, username, password):
    client.login(username=username, password=password, hostname=registry)


def push(client, target, *files):
    return client.push(target, files=files).headers["Docker-Content-Digest"]


def push_in_chunks(client, target, *files):
    reply = client.push(target, files=files, do_chunked=True, chunk_size=65536)
    return reply.headers["Docker-Content-Digest"]


def attach(client, target, file, media_type, digest, size):
    subject = Subject(mediaType=media_type, digest=digest, size=int(size))
    return client.push(target, files=[file], subject=subject).headers["OCI-Subject"]


def pull(client, target, directory):
    return client.pull(target, outdir=directory)


def tags(client, target, page=None):
    return client.get_tags(target, N=page and int(page))


def delete(client, target, *tags):
    return client.delete_tags(target, list(tags))


CALLS = (login, push, push_in_chunks, attach, pull, tags, delete)
ACTIONS = {action.__name__: action for action in CALLS}

if __name__ == "__main__":
    action, registry, target, *arguments = sys.argv[1:]
    # With its tokens the client never asks for another scope than its first request needed.
    backend = "basic" if action == "delete" else "token"
    client = oras.client.OrasClient(hostname=registry, insecure=True, auth_backend=backend)
    # Not every call of the client looks for credentials by itself.
    client.auth.load_configs(client.get_container(target))
    result = ACTIONS[action](client, target, *arguments)
    json.dump(result, sys.stdout)
