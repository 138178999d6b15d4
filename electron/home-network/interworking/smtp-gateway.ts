import { createTransport } from 'nodemailer';
import { fromUtf8 } from '../../../shared/base/bytes.ts';
import { mediaType } from '../../../shared/protocol/mime/content-type.ts';
import type { Gateway, GatewayLetter } from './gateway.ts';

const PATIENCE_MS = 10_000;

export interface SmtpOptions {
  readonly host: string;
  readonly port: number;
  /** e-mail addresses by user name or number */
  readonly mail: ReadonlyMap<string, string>;
  /** of the envelope, and of who has no e-mail address himself */
  readonly domain: string;
}

/**
 * E-mail by SMTP, to a server that takes it from this one without a password. It comes from the network, with the author's name; a reply goes to the
 * author where the operator knows his e-mail address, and nowhere else, because a CPM address reads like one and is none.
 */
export function createSmtpGateway({ host, port, mail, domain }: SmtpOptions): Gateway {
  const transport = createTransport({
    ...{ host, port, secure: false, connectionTimeout: PATIENCE_MS, greetingTimeout: PATIENCE_MS, socketTimeout: PATIENCE_MS },
    // whatever is written in a message, nothing is read from here or fetched for it
    ...{ disableFileAccess: true, disableUrlAccess: true },
  });
  return {
    service: 'email',
    takes: (name) => mail.has(name),
    async send({ to, from, sentAt, subject, parts }: GatewayLetter): Promise<void> {
      const address = mail.get(to);
      if (address === undefined) throw new Error('no e-mail address');
      const author = oneLine(from.displayName === '' ? from.address : from.displayName);
      const replyTo = mail.get(from.name);
      const texts = parts.filter(({ type, name }) => name === undefined && mediaType(type) === 'text/plain');
      const others = parts.filter((part) => !texts.includes(part));
      await transport.sendMail({
        from: { name: `${author} (${domain})`, address: `messages@${domain}` },
        to: { name: '', address },
        ...(replyTo === undefined ? {} : { replyTo: { name: author, address: replyTo } }),
        subject: oneLine(subject ?? `Message from ${author}`),
        date: new Date(sentAt),
        text: texts.map(({ octets }) => fromUtf8(octets)).join('\n\n'),
        attachments: others.map(({ type, octets, name }, at) => ({
          content: Buffer.from(octets),
          contentType: mediaType(type),
          filename: oneLine(name ?? '').replace(/[/\\]/g, '-') || `attachment-${at + 1}`,
        })),
      });
    },
  };
}

function oneLine(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ')
    .trim()
    .slice(0, 200);
}
