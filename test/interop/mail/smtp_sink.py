"""A mail server that keeps nothing (aiosmtpd): one JSON line for its port, then one for each mail, as Python's email package reads it."""
import asyncio
import email
import email.policy
import json

from aiosmtpd.smtp import SMTP


class Sink:
    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        if "refuse" in str(mail["Subject"]):
            return "554 No thanks"
        parts = [
            {
                "type": part.get_content_type(),
                "name": part.get_filename(),
                "content": part.get_payload(decode=True).hex(),
            }
            for part in mail.walk()
            if not part.is_multipart()
        ]
        print(
            json.dumps(
                {
                    "envelope": [envelope.mail_from, envelope.rcpt_tos],
                    "headers": {name: str(value) for name, value in mail.items()},
                    "defects": [str(defect) for defect in mail.defects],
                    "parts": parts,
                }
            ),
            flush=True,
        )
        return "250 OK"


async def main():
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(Sink()), "127.0.0.1", 0)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await server.serve_forever()


asyncio.run(main())
