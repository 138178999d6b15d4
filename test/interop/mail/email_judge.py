"""Reads stored objects (base64 lines on the input) by Python's email package and prints what it understood as JSON."""
import base64, email, email.policy, json, sys
from email.utils import parsedate_to_datetime

seen = []
for line in sys.stdin.read().split():
    octets = base64.b64decode(line)
    message = email.message_from_bytes(octets, policy=email.policy.default)
    headers = {name: str(message[name]) for name in message.keys()}
    parts = []
    for part in message.walk():
        content = part.get_payload(decode=True)
        parts.append({'type': part.get_content_type(), 'name': part.get_filename(), 'id': part['Content-ID'] and str(part['Content-ID']),
                      'content': base64.b64encode(content).decode() if content is not None else None})
    seen.append({
        'headers': headers,
        'time': parsedate_to_datetime(headers['Date']).timestamp(),
        'from': [[each.display_name, each.addr_spec] for each in message['From'].addresses],
        'to': [[each.display_name, each.addr_spec] for each in message['To'].addresses],
        'defects': [str(defect) for each in message.walk() for defect in each.defects],
        'longest': max(len(each) for each in octets.split(b'\r\n\r\n')[0].split(b'\r\n')),
        'parts': parts,
    })
print(json.dumps(seen))
