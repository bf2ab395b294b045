"""How the server at an address is verified."""

import functools
import ssl
from urllib.parse import urlsplit

import httpx


def verification(url: str, trust_env: bool = False) -> ssl.SSLContext:
    """Give what httpx takes as `verify`, made once; for plain HTTP, a context that trusts nobody.

    httpx reads all certificate authorities for each client, also for plain HTTP, which takes 16 ms. With
    `trust_env`, the caller's SSL_CERT_FILE and SSL_CERT_DIR name them.
    """
    return _context(urlsplit(url).scheme == "https", trust_env)


@functools.cache
def _context(is_https: bool, trust_env: bool) -> ssl.SSLContext:
    if not is_https:
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return httpx.create_ssl_context(trust_env=trust_env)
