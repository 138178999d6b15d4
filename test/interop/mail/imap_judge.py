"""Walks through a mailbox by Python's imaplib and prints what it saw as JSON: port, user and password are the arguments, messages as base64 lines the input."""
import base64, imaplib, json, re, socket, sys, time

port, user, password = int(sys.argv[1]), sys.argv[2], sys.argv[3]
messages = [base64.b64decode(line) for line in sys.stdin.read().split()]
seen = {}


def good(answer):
    status, data = answer
    if status != 'OK':
        raise RuntimeError(f'{status} {data}')
    return data


def text(data):
    return [piece.decode() if isinstance(piece, bytes) else [each.decode() for each in piece] for piece in data if piece is not None]


def quoted(text):
    return '"' + text.replace('\\', '\\\\').replace('"', '\\"') + '"'


wrong = imaplib.IMAP4('127.0.0.1', port, timeout=20)
try:
    wrong.login(user, 'wrong')
    seen['wrong'] = 'OK'
except imaplib.IMAP4.error as error:
    seen['wrong'] = str(error)
wrong.shutdown()

mail = imaplib.IMAP4('127.0.0.1', port, timeout=20)
seen['greeting'] = sorted(mail.capabilities)
good(mail.login(user, password))
seen['namespace'] = text(good(mail.namespace()))
good(mail.create('conversation/session'))
good(mail.create('other'))
good(mail.subscribe('conversation'))
seen['list'] = sorted(text(good(mail.list())))
seen['level'] = sorted(text(good(mail.list('""', '%'))))
seen['lsub'] = text(good(mail.lsub()))
seen['twice'] = mail.create('other')[0]
seen['appended'] = [text(good(mail.append('conversation', '(\\Seen $Kept)', imaplib.Time2Internaldate(1_700_000_000 + at), message)))[0] for at, message in enumerate(messages)]
seen['missing'] = mail.append('nowhere', None, None, messages[0])[0]
seen['status'] = text(good(mail.status('conversation', '(MESSAGES UIDNEXT UNSEEN HIGHESTMODSEQ)')))
seen['select'] = text(good(mail.select('conversation')))
seen['back'] = [good(mail.uid('FETCH', str(at + 1), '(BODY.PEEK[])'))[0][1] == message for at, message in enumerate(messages)]
seen['partial'] = good(mail.fetch('1', '(BODY.PEEK[]<5.10>)'))[0][1] == messages[0][5:15]
seen['fields'] = good(mail.fetch('1', '(BODY.PEEK[HEADER.FIELDS (Conversation-ID subject)])'))[0][1].decode()
seen['fast'] = text(good(mail.fetch('1:*', '(UID FLAGS INTERNALDATE RFC822.SIZE)')))
seen['envelope'] = [re.sub(r'\s+', ' ', b' '.join(piece if isinstance(piece, bytes) else b' '.join(piece) for piece in good(mail.fetch('1', '(ENVELOPE BODYSTRUCTURE)'))).decode())]
seen['parts'] = [good(mail.fetch(str(len(messages)), f'(BODY.PEEK[{part}])'))[0][1].decode()[:60] for part in ('1', '2.MIME', 'HEADER')]
for name, key in {'all': ['ALL'], 'header': ['HEADER', 'Conversation-ID', 'c1'], 'subject': ['SUBJECT', 'plan'], 'text': ['TEXT', 'MOUNTAIN'], 'none': ['BODY', quoted('nothing of it')],
                  'since': ['SINCE', '14-Nov-2023'], 'before': ['BEFORE', '14-Nov-2023'], 'or': ['OR', 'UID', '1', 'NOT', 'SEEN'], 'keyword': ['KEYWORD', '$Kept'], 'unseen': ['UNSEEN'], 'larger': ['LARGER', '100000']}.items():
    seen.setdefault('search', {})[name] = text(good(mail.uid('SEARCH', *key)))[0]
mail.literal = 'Grüße'.encode()
seen['utf8'] = text(good(mail.uid('SEARCH', 'CHARSET', 'UTF-8', 'TEXT')))[0]
seen['store'] = text(good(mail.uid('STORE', '1', '-FLAGS', '(\\Seen)')))
seen['seen'] = [text(good(mail.fetch('1', '(BODY[TEXT]<0.1> FLAGS)')))[-1:], text(good(mail.uid('SEARCH', 'UNSEEN')))[0]]
seen['copy'] = text(good(mail.uid('COPY', '1', 'other')))
seen['copyuid'] = text(mail.response('COPYUID')[1])
seen['try'] = text(mail.uid('COPY', '1', 'nowhere')[1])

# another connection sees what this one does, while it idles
other = socket.create_connection(('127.0.0.1', port), timeout=20)
reader = other.makefile('rb')
reader.readline()


def say(line):
    other.sendall(line.encode() + b'\r\n')


def until(tag):
    lines = []
    while True:
        line = reader.readline().decode().rstrip()
        lines.append(line)
        if line.startswith(tag) or line == '':
            return lines


plain = base64.b64encode(f'\0{user}\0{password}'.encode()).decode()
say(f'a AUTHENTICATE PLAIN {plain}')
seen['plain'] = until('a ')[-1][:4]
say('b SELECT conversation (CONDSTORE)')
opened = until('b ')
modseq = next(int(re.search(r'HIGHESTMODSEQ (\d+)', line)[1]) for line in opened if 'HIGHESTMODSEQ' in line)
say('c IDLE')
until('+')
good(mail.uid('STORE', '1', '+FLAGS', '(\\Deleted)'))
idle = [reader.readline().decode().rstrip()]
seen['expunged'] = text(good(mail.expunge()))
idle.append(reader.readline().decode().rstrip())
good(mail.append('conversation', None, None, messages[0]))
idle.append(reader.readline().decode().rstrip())
say('DONE')
until('c ')
seen['idle'] = [re.sub(r'MODSEQ \(\d+\)', 'MODSEQ (n)', line) for line in idle]
say(f'd UID FETCH 1:* (FLAGS) (CHANGEDSINCE {modseq})')
seen['changed'] = [re.sub(r'MODSEQ \(\d+\)', 'MODSEQ (n)', line) for line in until('d ')[:-1]]
say(f'e UID STORE 2 (UNCHANGEDSINCE 1) +FLAGS (x)')
seen['modified'] = until('e ')[-1]
say('f BOGUS')
seen['bad'] = until('f ')[-1]
say('g LOGOUT')
seen['bye'] = until('g ')
other.close()

good(mail.delete('other'))
seen['deleted'] = sorted(text(good(mail.list())))
mail.logout()
print(json.dumps(seen))
