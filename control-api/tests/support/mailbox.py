"""A mail server for tests: aiosmtpd. Says its port, then every mail as a line of JSON; ends with standard input.

    python mailbox.py plain | implicit CERTIFICATE KEY | starttls CERTIFICATE KEY

With TLS it wants the user `lintel` with the password `canary-password`.
"""

import asyncio
import base64
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

mode, *files = sys.argv[1:]
context = None
if files:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*files)


class Mailbox:
    async def handle_DATA(self, server, session, envelope):
        mail = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "encrypted": server.transport.get_extra_info("ssl_object") is not None,
            "authenticated": session.authenticated,
            "data": base64.b64encode(envelope.content).decode(),
        }
        print(json.dumps(mail), flush=True)
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    right = (data.login, data.password) == (b"lintel", b"canary-password")
    return AuthResult(success=right, handled=False)


def protocol():
    if mode == "plain":
        return SMTP(Mailbox(), hostname="mailbox.test")
    more = {"tls_context": context, "require_starttls": True} if mode == "starttls" else {"auth_require_tls": False}
    return SMTP(Mailbox(), hostname="mailbox.test", authenticator=authenticate, auth_required=True, **more)


async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, "0.0.0.0" if files else "127.0.0.1", 0, ssl=context if mode == "implicit" else None)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


asyncio.run(main())
