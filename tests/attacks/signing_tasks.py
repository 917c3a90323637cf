"""Tasks that sign and read, for the tests that do so inside real workers."""

from provenance.media.asset import MediaType
from provenance.signing import manifest


def read(job):
    return manifest.read_manifest(job.files[0], MediaType(job.params["media_type"]), job.params["trust"])


def sign(job):
    made = manifest.write_manifest(
        job.files[0],
        job.files[1],
        MediaType(job.params["media_type"]),
        job.params["definition"],
        job.params["certificates"],
        job.params["algorithm"],
        lambda data: job.call("sign", data),
    )
    return {"manifest_id": made.manifest_id, "bound_digest": made.bound_digest}


TASKS = {"read": read, "sign": sign}
