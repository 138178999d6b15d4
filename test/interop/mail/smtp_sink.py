"""A mail server that keeps nothing: one JSON line for its port, then one for each mail, as Python's email package reads it."""
import asyncore
import email
import email.policy
import json
import smtpd
import warnings

warnings.simplefilter("ignore")


class Sink(smtpd.SMTPServer):
    def process_message(self, peer, mailfrom, rcpttos, data, **kwargs):
        mail = email.message_from_bytes(data, policy=email.policy.default)
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
                    "envelope": [mailfrom, rcpttos],
                    "headers": {name: str(value) for name, value in mail.items()},
                    "defects": [str(defect) for defect in mail.defects],
                    "parts": parts,
                }
            ),
            flush=True,
        )
        return None


sink = Sink(("127.0.0.1", 0), None, decode_data=False)
print(json.dumps({"port": sink.socket.getsockname()[1]}), flush=True)
asyncore.loop()
