"""How the server at an address is verified."""

import ssl


def verification(url: str) -> ssl.SSLContext | bool:
    """Give what httpx takes as `verify`: True for https; else a context that trusts nobody.

    httpx loads all certificate authorities for each client, also for plain HTTP, which takes 16 ms.
    """
    return True if url.startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
