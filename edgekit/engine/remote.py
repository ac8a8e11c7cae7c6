"""The place behind the store that machines share: a folder of any kind that fsspec opens by URL, such as an S3 bucket.

It holds what the store's folder holds under the same names: `results/` and `files/`. Entries are named by their content
or by the key of what made them, so none ever changes, and the first that is written stands. What is read from it is not
trusted: the store verifies it as it verifies its own files. Whoever may write there decides what others build with.
"""

from __future__ import annotations

import re

from edgekit.errors import OutputError, ProjectError, SetupError

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://.+")
OBJECT_STORES = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs"}
"""What fsspec needs for places that have no folders, by the URL's scheme."""


def is_url(text: str) -> bool:
    """Whether a store is named by a URL, and not by a folder."""
    return _URL.fullmatch(text) is not None


class Remote:
    """Entries by name below a URL.

    Args:
      url: as fsspec takes it, `s3://bucket/edgekit`. Addresses, keys and time limits are set where fsspec and the
        library behind it look for them: `AWS_ENDPOINT_URL`, `~/.config/fsspec/`, `FSSPEC_S3_KEY`, …

    Raises:
      ProjectError: it is no URL of a kind that fsspec knows.
      SetupError: the library for this kind is not installed.
    """

    def __init__(self, url: str) -> None:
        self.url = re.sub("//[^/@]*@", "//", url)
        """Without a password that stands in it."""
        self._scheme = url.partition("://")[0].lower()
        try:
            import fsspec

            self._files, self._root = fsspec.url_to_fs(
                url.rstrip("/"), skip_instance_cache=True, use_listings_cache=False
            )
        except ImportError:
            package = OBJECT_STORES.get(self._scheme, f"fsspec and what it needs for {self._scheme}://")
            raise SetupError(
                f"store {self.url}: needs a library that is not installed; pip install {package}"
            ) from None
        except ValueError as problem:
            raise ProjectError(
                f"store {self.url}: {problem}; give a folder, or a URL such as s3://bucket/folder"
            ) from None

    def read(self, name: str) -> bytes | None:
        """An entry, or None where there is none.

        Raises:
          OutputError: the place does not answer, or refuses.
        """
        try:
            return self._files.cat_file(self._path(name))
        except FileNotFoundError:
            return None
        except Exception as problem:
            raise self._failed("read", problem) from None

    def write(self, name: str, content: bytes, again: bool = False) -> bool:
        """Makes an entry; False where it was there before, and stays.

        Args:
          again: put it in the place of one that is damaged.

        Raises:
          OutputError: the place does not answer, or refuses.
        """
        try:
            path = self._path(name)
            if self._scheme not in OBJECT_STORES:
                self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
            self._files.pipe_file(path, content, mode="overwrite" if again else "create")
        except FileExistsError:
            return False
        except Exception as problem:
            raise self._failed("written", problem) from None
        return True

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _failed(self, what: str, problem: Exception) -> OutputError:
        said = str(problem) or type(problem).__name__
        return OutputError(
            f"store {self.url}: cannot be {what} ({said}); check the address and its permissions, or set EDGEKIT_STORE "
            "to a folder: what was made so far is kept in the local store"
        )
