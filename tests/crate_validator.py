"""The validator of RO-Crates, without network: what it would fetch lies beside this file."""

import io
from pathlib import Path

import requests_cache
import urllib3
from requests.adapters import HTTPAdapter
from rocrate_validator import services
from rocrate_validator.models import Severity, ValidationSettings

CONTEXT_URL = "https://w3id.org/ro/crate/1.1/context"
CONTEXT = Path(__file__).with_name("ro-crate-1.1-context.jsonld")


class _Shelf(HTTPAdapter):
    """Answers every request with the context."""

    def send(self, request, **_options):
        body = urllib3.HTTPResponse(
            body=io.BytesIO(CONTEXT.read_bytes()),
            status=200,
            headers={"Content-Type": "application/ld+json"},
            preload_content=False,
            request_url=request.url,
        )
        return self.build_response(request, body)


def findings(folder, profile, cache, severity="REQUIRED"):
    """What a crate misses of a profile: one text per finding. ``cache`` is an empty folder of one's own."""
    session = requests_cache.CachedSession(str(cache / "http"), backend="sqlite", expire_after=-1)
    session.mount(CONTEXT_URL, _Shelf())
    session.get(CONTEXT_URL)
    session.close()
    settings = ValidationSettings(
        rocrate_uri=folder,
        profile_identifier=profile,
        requirement_severity=Severity[severity],
        offline=True,
        cache_path=str(cache / "http"),
    )
    issues = services.validate(settings).get_issues()
    return sorted({f"{issue.check.identifier}: {issue.message}" for issue in issues})
