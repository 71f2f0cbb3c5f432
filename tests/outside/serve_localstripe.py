"""Serves localstripe to this machine alone, from memory, and prints its address.

    serve_localstripe.py [URL SECRET]

The program itself would listen to every network, and write what it has into a file after each request. With a URL, its
events are posted there, signed with the secret.
"""

import socket
import sys

import aiohttp.web
import localstripe.resources
import localstripe.server
import localstripe.webhooks


def main():
    localstripe.resources.Store.dump_to_disk = lambda store: None
    if len(sys.argv) > 2:
        url, secret = sys.argv[1:3]
        localstripe.webhooks.register_webhook("test", url, secret, None)
    listener = socket.create_server(("127.0.0.1", 0))
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    aiohttp.web.run_app(localstripe.server.app, sock=listener, access_log=None, print=None)


main()
