"""A mail server that delivers nowhere: each mail is one line of JSON on standard output. Arguments: the port."""

import asyncio
import email
import email.policy
import json
import sys

from aiosmtpd.controller import Controller


class Mailbox:
    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.original_content, policy=email.policy.default)
        parts = {part.get_content_type(): part.get_content() for part in message.walk() if not part.is_multipart()}
        line = {"from": envelope.mail_from, "to": envelope.rcpt_tos, "subject": message["subject"], "parts": parts}
        print(json.dumps(line), flush=True)
        return "250 kept"


controller = Controller(Mailbox(), hostname="127.0.0.1", port=int(sys.argv[1]))
controller.start()
print(json.dumps({"listening": int(sys.argv[1])}), flush=True)
asyncio.new_event_loop().run_forever()
