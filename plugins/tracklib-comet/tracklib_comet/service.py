"""`Service`: Comet's interface, as its SDK's REST client calls it: one answered request for each call.

The SDK's ``Experiment`` is not used: it queues in threads that lose what they hold when the process is killed, allows
one experiment in a process, takes no time from its caller and captures whatever it finds. Its REST client does none of
that, and takes the SDK's own settings: certificates, proxies, headers.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import quote, urljoin, urlsplit

from tracklib.backends.contract import VendorRun
from tracklib.errors import ConfigError, RejectedError
from tracklib_comet.border import MissingError, border
from tracklib_comet.settings import CometSettings
from tracklib_comet.surroundings import PACKAGE, sdk

__all__ = ["Service"]

_PIECE = 1 << 20
_FILE_TIMEOUT = 600.0


class Service:
    """Comet's interface with one key.

    Raises, from every method: what `tracklib_comet.border.border` names.
    """

    def __init__(self, settings: CometSettings) -> None:
        assert settings.url is not None, "settings are resolved before they are used"
        self.settings = settings
        self._key = settings.key()
        self._workspace = settings.workspace
        try:
            self._start()
        except (ImportError, AttributeError, TypeError) as error:  # another SDK than the one that this is written for
            raise ConfigError(f"Comet, starting its SDK: {error}: pip install {PACKAGE!r}") from error

    def _start(self) -> None:
        api, config = sdk("connection.connection_api"), sdk("config").get_config()
        self._root: str = sdk("utils").get_root_url(self.settings.url)
        self._http = api.LowLevelHTTPClient(
            api_key=self._key,
            server_address=self._root,
            default_timeout=self.settings.timeout,
            verify_tls=sdk("config").get_check_tls_certificate(config),
            config=config,
            default_retry=False,  # delivery tries again, and knows what a time-out after the write means
        )
        self._http.session.hooks["response"].append(self._stay)
        self._client = api.RestApiClient(
            server_url=self._root,
            version="v2",
            low_level_api_client=self._http,
            api_key=self._key,
            config=config,
            check_version=False,
        )

    def _stay(self, reply: Any, *, stream: bool = False, **_: Any) -> None:
        """Follow a server to another host for a file's content alone: what is told there would be believed.

        Raises:
            ConfigError: Anything else is to be asked or told there; the body of a request may hold the key.
        """
        there = urljoin(reply.url, reply.headers.get("Location", "")) if reply.is_redirect else reply.url
        if not stream and urlsplit(there).hostname != urlsplit(reply.url).hostname:
            host = f"{urlsplit(there).scheme}://{urlsplit(there).netloc}"
            raise ConfigError(
                f"Comet at {self._root} leads to {host!r}: if that is right, set COMET_URL_OVERRIDE to it"
            )

    @property
    def client(self) -> Any:
        """The SDK's REST client; its calls belong inside `doing`."""
        return self._client

    def doing(self, what: str) -> Any:
        """Return the border for calls of the client."""
        return border(what, (self._key,))

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()

    def native(self, key: str) -> Any:
        """Return the SDK's own object for an experiment."""
        with self.doing("opening the experiment"):
            api = sdk("api").API(api_key=self._key, cache=False)
            api._client = self._client  # noqa: SLF001  the address may be another one than the SDK's own variable says
            return sdk("api").APIExperiment(previous_experiment=key, api=api)

    def version(self) -> str:
        """Return the version of the SDK."""
        return str(sdk("").__version__)

    @property
    def workspace(self) -> str:
        """The workspace: as set, or the default one of whose key it is."""
        if self._workspace is None:
            self.account()
        assert self._workspace is not None, "an account says it"
        return self._workspace

    def account(self) -> Mapping[str, Any]:
        """Return whose key it is."""
        with self.doing("asking whose key it is"):
            found = self._client.get_account_details()
            if not isinstance(found, dict) or "userName" not in found:
                raise ConfigError(f"{self._root} answers, but is no Comet: set COMET_URL_OVERRIDE to its address")
            if self._workspace is None:
                self._workspace = str(found["defaultWorkspaceName"])
            return found

    def begin(self, key: str, project: str) -> tuple[bool, Mapping[str, Any]]:
        """Make an experiment, or find it again; return whether it is new, and what Comet tells its writers."""
        asked = {
            "apiKey": self._key,
            "experimentKey": key,
            "offline": False,
            "projectName": project,
            "teamName": self.workspace,
            "libVersion": self.version(),
        }
        with self.doing("creating the experiment"):
            there = self.metadata(key)
            asked |= {"getOrCreateEnabled": True, "local_timestamp": sdk("utils").local_timestamp()}
            url = f"{self._root}/clientlib/logger/add/run"
            answer = self._client.post(url, payload=asked).json()
            home = (there or {}).get("projectName") or project  # somebody may have moved it
            return there is None, {**answer, "projectName": home}

    def metadata(self, key: str) -> Mapping[str, Any] | None:
        """Return what Comet says of an experiment; ``None`` where there is none."""
        try:
            with self.doing("looking for the experiment"):
                return cast("Mapping[str, Any]", self._client.get_experiment_metadata(key))
        except MissingError:
            return None
        except RejectedError as error:
            if " 400 " in str(error):  # what Comet says of a key that it does not know
                return None
            raise

    def delete(self, key: str) -> bool:
        """Delete an experiment with its files; tell whether there was one."""
        if self.metadata(key) is None:
            return False
        try:
            with self.doing("deleting the experiment"):
                self._client.delete_experiment(key)
        except MissingError:  # somebody else was quicker
            return False
        return True

    def batch(self, kind: str, key: str, values: Sequence[Mapping[str, Any]]) -> None:
        """Send points (``metric``) or params (``parameter``)."""
        url = f"{self._root}/clientlib/batch/logger/experiment/{kind}"
        with self.doing(f"sending a batch of {kind}s"):
            self._client.post(url, payload={"experimentKey": key, "values": list(values)}, compress=True)

    def output(self, key: str, lines: Sequence[Mapping[str, Any]]) -> None:
        """Send lines of output."""
        asked = {"experimentKey": key, "runContext": None, "outputLines": list(lines)}
        with self.doing("sending output"):
            self._client.post(f"{self._root}/clientlib/rest/v2/write/experiment/output", payload=asked)

    def details(self, key: str, details: Mapping[str, Any]) -> None:
        """Send what is known of the machine."""
        url = f"{self._root}/clientlib/rest/v2/write/experiment/system-details"
        with self.doing("sending the system's details"):
            self._client.post(url, payload={"experimentKey": key, **details})

    def upload(self, key: str, content: Path, params: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
        """Send a file, piece by piece, as its SDK does."""
        url = f"{self._root}/clientlib/asset/upload"
        headers = {"Authorization": self._key, "X-COMET-DEBUG-EXPERIMENT-KEY": key}
        with self.doing(f"uploading {params.get('fileName')!r}"):
            response = sdk("connection.connection_upload").send_file(
                url,
                str(content),
                params={name: value for name, value in params.items() if value is not None},
                headers=headers,
                timeout=max(_FILE_TIMEOUT, self.settings.timeout),
                session=self._http.session,
                metadata=dict(metadata),
            )
            sdk("connection.connection_api")._check_response_status(response)  # noqa: SLF001  raises with the response

    def download(self, key: str, asset: str, version: str | None = None) -> IO[bytes]:
        """Return the content of an asset, in a temporary file."""
        copy = tempfile.TemporaryFile()  # noqa: SIM115  the caller closes it
        with (
            self.doing("downloading a file"),
            self._client.get_experiment_asset(asset, key, version, return_type="response", stream=True) as reply,
        ):
            for piece in reply.iter_content(_PIECE):
                copy.write(piece)
        copy.seek(0)
        return copy

    def artifact(self, name: str) -> Mapping[str, Any]:
        """Return an artifact of the workspace with its versions."""
        asked = {"workspace": self.workspace, "artifactName": _quoted(name)}
        with self.doing("looking for an artifact"):
            return cast("Mapping[str, Any]", self._client.get_from_endpoint("artifacts/get", asked) or {})

    def artifact_files(self, workspace: str, name: str, version: str) -> Mapping[str, Any]:
        """Return the files of an artifact's version."""
        asked = {"workspace": workspace, "artifactName": _quoted(name), "version": version}
        with self.doing("listing an artifact's files"):
            return cast("Mapping[str, Any]", self._client.get_from_endpoint("artifacts/version/files", asked) or {})

    def close_version(self, key: str, version: str) -> None:
        """Say that a version of an artifact is complete."""
        asked = {"artifactVersionId": version, "experimentKey": key, "state": "CLOSED"}
        with self.doing("closing an artifact's version"):
            self._client.post_from_endpoint("write/artifacts/state", asked)

    def projects(self) -> list[str]:
        """Return the names of the workspace's projects."""
        with self.doing("listing projects"):
            return [str(name) for name in self._client.get_projects(self.workspace) or []]

    def experiments(self, project: str, size: int = 500, *, archived: bool = False) -> Iterator[Mapping[str, Any]]:
        """Yield what Comet says of each experiment of a project, page by page; either the archived ones or the others."""
        asked = {"workspaceName": self.workspace, "projectName": project, "archived": archived}
        asked |= {"size": size, "sortBy": "startTime", "sortOrder": "asc"}
        number, seen = 1, set[str]()
        while True:
            with self.doing(f"listing the experiments of {project!r}"):
                answer = self._client.get_from_endpoint("experiments", {**asked, "page": number})
            found = [each for each in (answer or {}).get("experiments") or [] if each["experimentKey"] not in seen]
            seen |= {each["experimentKey"] for each in found}
            yield from found
            if len((answer or {}).get("experiments") or []) < size or not found:
                return
            number += 1

    def page(self, project: str, key: str) -> VendorRun:
        """Return the experiment as people open it."""
        return VendorRun(key, f"{self._root}/{self.workspace}/{project}/{key}")


def _quoted(name: str) -> str:
    """Return an artifact's name as Comet takes it in a query: quoted once more, as the SDK does, but 3.50 and 3.54 do not."""
    return quote(name, safe="")
