import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { HomeAccount } from '../../../electron/home-network/index.ts';
import { fromUtf8 } from '../../../shared/base/bytes.ts';
import { randomToken } from '../../../shared/base/random.ts';
import { cpimContent, decodeCpim, encodeCpim } from '../../../shared/protocol/cpim/cpim.ts';
import { cpimDateTime, formatDateTime, imdnRequest, makeCpim } from '../../../shared/protocol/cpim/cpim-message.ts';
import { acceptContact, contactFeature, PAGER_MODE } from '../../../shared/protocol/cpm/names.ts';
import { encodeImdn, IMDN_TYPE } from '../../../shared/protocol/imdn/imdn.ts';
import { SipPeer } from '../../harness/sip-peer.ts';

/** Many people in one process: each answers what comes, notifies of its delivery one after the other, and stores nothing. */
export class ManyPeers {
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess) {
    this.#process = process;
  }

  static async start(accounts: readonly HomeAccount[]): Promise<ManyPeers> {
    const child = fork(fileURLToPath(import.meta.url), [], { execArgv: [] });
    child.send(accounts);
    await answer(child);
    return new ManyPeers(child);
  }

  /** @returns what came to all of them */
  async stop(): Promise<Record<string, number>> {
    this.#process.send('stop');
    return (await answer(this.#process)) as Record<string, number>;
  }
}

function answer(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    child.once('message', resolve);
    child.once('exit', (code) => reject(new Error(`the peers ended with ${code}`)));
  });
}

class Peer {
  readonly texts: string[] = [];
  readonly #peer: SipPeer;
  readonly #account: HomeAccount;

  constructor(peer: SipPeer, account: HomeAccount) {
    this.#peer = peer;
    this.#account = account;
  }

  async run(): Promise<void> {
    const notifications: Uint8Array[] = [];
    let isNotifying = false;
    const notify = async (author: string): Promise<void> => {
      isNotifying = true;
      for (let body = notifications.shift(); body !== undefined; body = notifications.shift()) {
        const message = this.#peer.build('MESSAGE', author, {
          headers: [
            ['Accept-Contact', acceptContact(PAGER_MODE)],
            ['Content-Type', 'message/cpim'],
          ],
        });
        this.#peer.send({ ...message, body });
        await this.#peer.final(message, 60_000);
      }
      isNotifying = false;
    };
    for (;;) {
      const message = await this.#peer.request('MESSAGE', 600_000);
      const cpim = decodeCpim(message.body);
      this.texts.push(fromUtf8(cpimContent(cpim)));
      this.#peer.answer(message, 200, 'OK');
      const author = /<(sip:[^>;]+)>/.exec(message.headers.find(({ name }) => name === 'From')?.value ?? '')?.[1] ?? '';
      notifications.push(this.#notification(author, imdnRequest(cpim).messageId ?? '', cpimDateTime(cpim).text ?? ''));
      if (!isNotifying) notify(author).catch(() => undefined);
    }
  }

  #notification(author: string, messageId: string, dateTime: string): Uint8Array {
    const { address } = this.#account;
    return encodeCpim(
      makeCpim({
        from: address,
        to: author,
        dateTime: formatDateTime(Date.now()),
        imdnMessageId: randomToken(24),
        contentType: IMDN_TYPE,
        contentDisposition: 'notification',
        content: encodeImdn({
          messageId,
          dateTime,
          recipientUri: address,
          originalRecipientUri: address,
          disposition: 'delivery',
          status: 'delivered',
        }),
      }),
    );
  }
}

async function main(accounts: readonly HomeAccount[]): Promise<void> {
  const people: Peer[] = [];
  for (const account of accounts) {
    const [host = '', port = ''] = account.outboundProxy.split(':');
    const peer = await SipPeer.connect({ host, port: Number(port) }, account);
    await peer.register({ features: contactFeature(['oma.cpm.msg']), expires: 3600 });
    const person = new Peer(peer, account);
    people.push(person);
    void person.run().catch(() => undefined);
  }
  process.send?.('ready');
  process.once('message', () => {
    const number = (text: string) => Number(/\d+/.exec(text)?.[0]);
    const wrong = people.flatMap(({ texts }) => texts.filter((text, at) => at > 0 && number(text) <= number(texts[at - 1] as string)));
    process.send?.({ arrived: people.reduce((sum, { texts }) => sum + texts.length, 0), 'out of order or twice': wrong.length }, () =>
      process.exit(),
    );
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.once('message', (accounts) => void main(accounts as HomeAccount[]));
