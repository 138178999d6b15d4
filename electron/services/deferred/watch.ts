import { type DeferredNotification, decodeDeferredNotification } from '../../../shared/protocol/deferred-info/notification.ts';
import { decodeContentType } from '../../../shared/protocol/mime/content-type.ts';
import type { Notification } from '../../sip/port.ts';
import type { Link, ServiceContext } from '../context.ts';
import { PackageWatch } from '../package-watch.ts';
import { watchRequest } from './request.ts';

type Listed = Extract<DeferredNotification, { kind: 'list' }>;
type Summed = Extract<DeferredNotification, { kind: 'summary' }>;

export interface WatchPorts {
  /** @param anew the first list of a subscription. Resolves when it is kept */
  readonly listed: (list: Listed, anew: boolean) => Promise<void>;
  readonly summed: (summary: Summed) => void;
  readonly unsupported: () => void;
}

/**
 * Is told what waits (cpm.md section 11.1, F19). Versions are those of RFC 4575 section 4.3: a gap asks for everything anew. Where the network
 * has no such service, the person may still ask for all there is.
 */
export class DeferredWatch {
  readonly #ports: WatchPorts;
  readonly #watch: PackageWatch;
  /** of the last list that was taken in this subscription */
  #version: number | null = null;
  #hasList = false;

  constructor(context: ServiceContext, ports: WatchPorts) {
    this.#ports = ports;
    this.#watch = new PackageWatch(context, {
      name: 'waiting messages',
      request: () => watchRequest(context.account.address),
      began: () => this.#forget(),
      told: (notification) => this.#take(notification),
      refused: ({ status, reason }) => {
        context.log(`waiting messages: the network lists none (${status ?? reason})`);
        ports.unsupported();
      },
    });
  }

  /** There is a link; the one before is gone. */
  begin(link: Link): void {
    this.#watch.begin(link);
  }

  /** The network is asked for the whole list. */
  refresh(): void {
    this.#watch.refresh();
  }

  stop(): Promise<void> {
    return this.#watch.stop();
  }

  async #take({ contentType, body }: Notification): Promise<void> {
    const notification = decodeDeferredNotification(decodeContentType(contentType).type, body);
    if (notification.kind === 'summary') this.#ports.summed(notification);
    else await this.#list(notification);
  }

  async #list(list: Listed): Promise<void> {
    if (list.version !== null && this.#version !== null && list.version <= this.#version) return;
    const isGap = list.state === 'partial' && list.version !== (this.#version === null ? null : this.#version + 1);
    if (isGap || (list.state === 'partial' && !this.#hasList)) {
      this.#forget();
      return this.refresh();
    }
    await this.#ports.listed(list, !this.#hasList);
    this.#version = list.version;
    this.#hasList = true;
  }

  #forget(): void {
    this.#version = null;
    this.#hasList = false;
  }
}
