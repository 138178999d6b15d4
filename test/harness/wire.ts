import type { Capture, Dissection } from './tshark.ts';

/** What the clients of one home network said to it and to each other, in a capture of the whole loopback interface. */
export class Wire {
  readonly networkPort: number;
  readonly #dissection: Dissection;
  /** the signalling alone: large files are not read again for each question about it */
  readonly #signalling: Dissection;
  /** where its packets stand among all, in their order */
  readonly #frames: readonly string[];
  readonly #mediaPorts: readonly number[];

  private constructor(
    dissection: Dissection,
    signalling: { readonly dissection: Dissection; readonly frames: readonly string[] },
    networkPort: number,
    mediaPorts: readonly number[],
  ) {
    this.#dissection = dissection;
    this.#signalling = signalling.dissection;
    this.#frames = signalling.frames;
    this.#mediaPorts = mediaPorts;
    this.networkPort = networkPort;
  }

  /** Ends the capture. What runs on the port of the network is SIP; MSRP is what runs on the ports that session descriptions name. */
  static async from(capture: Capture, networkPort: number): Promise<Wire> {
    const dissection = (await capture.stop()).treatAs('sip', [networkPort]);
    const media = await dissection.fields(`tcp.port==${networkPort} && sdp.media.port`, 'sdp.media.port');
    const ports = new Set(media.flatMap(([each]) => (each ?? '').split('|').map(Number)));
    const mediaPorts = [...ports].filter((port) => port > 0);
    const own = await dissection.narrowTo([networkPort, ...mediaPorts]);
    const frames = (await own.fields(`tcp.port==${networkPort}`, 'frame.number')).map(([frame]) => frame as string);
    const signalling = { dissection: await own.narrowTo([networkPort]), frames };
    return new Wire(own.treatAs('msrp', mediaPorts), signalling, networkPort, mediaPorts);
  }

  /** see {@link Dissection.fields}; signalling of this network only. Filters cannot name frames: their numbers are told, not asked. */
  async signalling(filter: string, ...names: string[]): Promise<string[][]> {
    const rows = await this.#signalling.fields(`tcp.port==${this.networkPort} && (${filter})`, ...names);
    const at = names.indexOf('frame.number');
    return at < 0 ? rows : rows.map((row) => row.with(at, this.#frames[Number(row[at]) - 1] as string));
  }

  /** the same with the media of this network's clients; other people's packets may be wrong on purpose */
  packets(filter: string, ...names: string[]): Promise<string[][]> {
    const own = `tcp.port in {${[this.networkPort, ...this.#mediaPorts].join(', ')}}`;
    return this.#dissection.fields(`${own} && (${filter})`, ...names);
  }

  async count(filter: string): Promise<number> {
    return (await this.signalling(filter, 'frame.number')).length;
  }

  /** frame numbers in the order of the capture */
  async frames(filter: string): Promise<number[]> {
    return (await this.signalling(filter, 'frame.number')).map(([frame]) => Number(frame));
  }

  /** the first packet that fits; fails when there is none */
  async first(filter: string): Promise<number> {
    const [frame] = await this.frames(filter);
    if (frame === undefined) throw new Error(`nothing in the capture fits ${filter}`);
    return frame;
  }

  /** The local ports of somebody's connections to the network, in the order in which they registered. */
  async connectionsOf(user: string): Promise<number[]> {
    const registers = await this.signalling(`sip.Method=="REGISTER" && sip.to.user=="${user}"`, 'tcp.srcport');
    return [...new Set(registers.map(([port]) => Number(port)))];
  }

  /** display filter: from that connection of a client to the network */
  from(connection: number): string {
    return `tcp.srcport==${connection} && tcp.dstport==${this.networkPort}`;
  }

  /** display filter: from the network to that connection of a client */
  to(connection: number): string {
    return `tcp.dstport==${connection} && tcp.srcport==${this.networkPort}`;
  }

  /** how many packets tshark cannot read */
  async malformed(): Promise<number> {
    return (await this.packets('(sip || msrp || sdp) && (_ws.malformed || _ws.expert.severity == "error")', 'frame.number')).length;
  }
}
