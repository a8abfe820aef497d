#!/usr/bin/env python3
"""Signs a link to an export, with Python's own library.

python3 sign_link.py SECRET KID PATH EXPIRES [NAME VALUE]...
"""

import base64
import hashlib
import hmac
import sys
from urllib.parse import quote


def sign_link(secret, kid, path, expires, query):
    pairs = [("_kid", kid), ("_exp", str(expires)), *query]
    # As encodeURIComponent of JavaScript does.
    encoded = [[quote(text, safe="!~*'()") for text in pair] for pair in pairs]
    query_string = "&".join(sorted("=".join(pair) for pair in encoded))
    text = "\n".join(["spillway-link-v1", "GET", path, query_string])
    digest = hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()
    signature = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return f"{path}?{query_string}&_sig={signature}"


if __name__ == "__main__":
    secret, kid, path, expires, *rest = sys.argv[1:]
    print(sign_link(secret, kid, path, expires, list(zip(rest[::2], rest[1::2]))))
