import { describe, expect, test } from 'vitest';
import { RegistrationService } from '../../../electron/services/registration.ts';
import { type Binding, LinkError, type LinkFailure, type UserAgent } from '../../../electron/sip/port.ts';
import { ParleyError } from '../../../shared/base/errors.ts';
import { ManualClock, settle } from '../../harness/manual-clock.ts';
import { ManualNetwork } from '../../harness/manual-network.ts';

const BINDING: Binding = {
  expiresAt: 5_000_000,
  publicGruu: null,
  temporaryGruu: null,
  addresses: ['sip:alice@example.com'],
  localHost: '192.0.2.7',
};

/** how an agent answers REGISTER: by a binding, or by the error to fail with; a promise takes its time */
type Answer = Binding | ParleyError | Promise<Binding>;

interface Scripted {
  lose: (failure: LinkFailure) => void;
  closed: boolean;
  unregistered: boolean;
  registers: number;
  /** what unregister waits for */
  leaving: Promise<void>;
}

function failure(code: LinkFailure['code'], retryAfterMs: number | null = null): LinkError {
  return new LinkError({ code, detail: 'down', retryAfterMs });
}

/** Agents that answer by a script; when it is over, nobody is there. */
function scripted(answers: Answer[], leadsOut = true) {
  const clock = new ManualClock();
  const network = new ManualNetwork('127.0.0.1', BINDING.localHost);
  const agents: Scripted[] = [];
  const service = new RegistrationService({
    clock,
    network,
    leadsOut,
    random: () => 0.5,
    log: () => undefined,
    createAgent() {
      const agent: Scripted = { lose: () => undefined, closed: false, unregistered: false, registers: 0, leaving: Promise.resolve() };
      agents.push(agent);
      return {
        register: async () => {
          const answer = answers.shift();
          agent.registers += 1;
          if (!answer || answer instanceof ParleyError) throw answer ?? new ParleyError('link.unreachable', 'nobody there');
          return answer;
        },
        unregister: async () => {
          agent.unregistered = true;
          await agent.leaving;
        },
        close: async () => {
          agent.closed = true;
        },
        events: {
          onLost: (listener: (failure: LinkFailure) => void) => {
            agent.lose = listener;
            return () => undefined;
          },
          onRefreshed: () => () => undefined,
          onMessage: () => () => undefined,
          onInvite: () => () => undefined,
        },
      } as unknown as UserAgent;
    },
  });
  return { service, clock, network, agents };
}

describe('registration', () => {
  test('is registered only after the binding is there', async () => {
    const { service } = scripted([BINDING]);
    service.start();
    expect(service.state.kind).toBe('connecting');
    expect(service.link).toBeNull();
    await settle();
    expect(service.state.kind).toBe('registered');
    expect(service.link?.binding).toBe(BINDING);
  });

  test('waits ever longer between tries, by RFC 5626 section 4.5, and says since when and until when', async () => {
    const { service, clock, agents } = scripted([]);
    service.start();
    await settle();
    const waits: number[] = [];
    for (let round = 0; round < 8; round++) {
      const state = service.state;
      if (state.kind !== 'waiting') throw new Error(state.kind);
      expect(state.failures).toBe(round + 1);
      expect(state.since).toBe(1_000_000);
      expect(state.error.code).toBe('link.unreachable');
      waits.push(state.nextTryAt - clock.now());
      await clock.advance(state.nextTryAt - clock.now());
    }
    expect(waits).toEqual([45_000, 90_000, 180_000, 360_000, 720_000, 1_350_000, 1_350_000, 1_350_000]);
    expect(agents.every((agent) => agent.closed || agent === agents.at(-1))).toBe(true);
  });

  test('a lost flow is tried again within a second, on a new flow', async () => {
    const { service, clock, agents } = scripted([BINDING, BINDING]);
    service.start();
    await settle();
    agents[0]?.lose(failure('link.lost'));
    expect(service.link).toBeNull();
    expect(service.state.kind).toBe('waiting');
    await clock.advance(1000);
    expect(service.state.kind).toBe('registered');
    expect(agents).toHaveLength(2);
    expect(agents[0]?.closed).toBe(true);
  });

  test('wrong credentials are not tried again until the person asks', async () => {
    const { service, clock, agents } = scripted([new ParleyError('link.credentials', '401'), BINDING]);
    service.start();
    await settle();
    expect(service.state.kind).toBe('refused');
    await clock.advance(86_400_000);
    expect(agents).toHaveLength(1);
    service.retryNow();
    await settle();
    expect(service.state.kind).toBe('registered');
  });

  test('"Retry now" ends the wait, and does nothing while all is well', async () => {
    const { service, agents } = scripted([new ParleyError('link.unreachable', 'down'), BINDING]);
    service.start();
    await settle();
    service.retryNow();
    await settle();
    expect(service.state.kind).toBe('registered');
    service.retryNow();
    await settle();
    expect(agents).toHaveLength(2);
  });

  test('stopping ends the binding and every further try; a late loss changes nothing', async () => {
    const { service, clock, agents } = scripted([BINDING]);
    service.start();
    await settle();
    await service.stop();
    expect(agents[0]).toMatchObject({ closed: true, unregistered: true });
    agents[0]?.lose(failure('link.lost'));
    await clock.advance(3_600_000);
    expect(service.state.kind).toBe('offline');
    expect(agents).toHaveLength(1);
  });

  test('an account that no agent can be made for is refused, not tried for ever nor left connecting', async () => {
    const clock = new ManualClock();
    const createAgent = () => {
      throw new Error('no URI');
    };
    const network = new ManualNetwork();
    const service = new RegistrationService({ clock, network, leadsOut: true, random: () => 0.5, log: () => undefined, createAgent });
    service.start();
    await settle();
    expect(service.state).toMatchObject({ kind: 'refused', error: { code: 'link.refused', detail: 'no URI' } });
    expect(clock.nextIn).toBeNull();
  });
});

describe('the waits between tries', () => {
  async function waits(answers: Answer[], rounds: number): Promise<number[]> {
    const { service, clock } = scripted(answers);
    service.start();
    await settle();
    const found: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const { state } = service;
      if (state.kind !== 'waiting') throw new Error(state.kind);
      found.push(state.nextTryAt - clock.now());
      await clock.advance(state.nextTryAt - clock.now());
    }
    return found;
  }

  test('Retry-After is heeded, from a time-out in seconds up to half an hour and no further', async () => {
    expect(await waits([failure('link.server', 120_000)], 1)).toEqual([120_000]);
    expect(await waits([failure('link.server', 31_536_000_000)], 1)).toEqual([1_800_000]);
  });

  test('a Retry-After of 0 means soon, but not again and again (RFC 5626 section 4.2.1)', async () => {
    const answers = [1, 2, 3, 4].map(() => failure('link.server', 0));
    expect(await waits(answers, 4)).toEqual([750, 45_000, 90_000, 180_000]);
  });

  test('a lost binding is no failed try: the first wait after it is that of RFC 5626 for one failure', async () => {
    const { service, clock, agents } = scripted([BINDING]);
    service.start();
    await settle();
    agents[0]?.lose(failure('link.lost'));
    expect(service.state).toMatchObject({ kind: 'waiting', failures: 0 });
    await clock.advance(1000);
    const { state } = service;
    if (state.kind !== 'waiting') throw new Error(state.kind);
    expect(state.failures).toBe(1);
    expect(state.nextTryAt - clock.now()).toBeLessThanOrEqual(60_000);
  });

  test('a lost binding with Retry-After waits that long', async () => {
    const { service, clock, agents } = scripted([BINDING, BINDING]);
    service.start();
    await settle();
    agents[0]?.lose(failure('link.server', 90_000));
    await clock.advance(89_999);
    expect(service.state.kind).toBe('waiting');
    await clock.advance(1);
    expect(service.state.kind).toBe('registered');
  });

  test('somebody who writes shortens a wait, at most every 10 s and not where the server asked for time', async () => {
    const { service, clock, agents } = scripted([]);
    service.start();
    await settle();
    service.hasten();
    await settle();
    expect(agents).toHaveLength(1);
    await clock.advance(10_000);
    service.hasten();
    await settle();
    expect(agents).toHaveLength(2);
    // and makes the one after it no longer
    expect(service.state).toMatchObject({ kind: 'waiting', failures: 1 });
    const asked = scripted([failure('link.server', 600_000)]);
    asked.service.start();
    await settle();
    await asked.clock.advance(60_000);
    asked.service.hasten();
    await settle();
    expect(asked.agents).toHaveLength(1);
  });

  test.each(['link.credentials', 'link.unknown-account', 'link.refused'] as const)('%s ends them', async (code) => {
    const { service, clock } = scripted([failure(code)]);
    service.start();
    await settle();
    expect(service.state).toMatchObject({ kind: 'refused', error: { code } });
    expect(clock.nextIn).toBeNull();
  });
});

describe('R-REG-11: signing out', () => {
  test('ends the binding and stays so, whatever happens on the network', async () => {
    const { service, clock, network, agents } = scripted([BINDING, BINDING]);
    service.start();
    await settle();
    await service.signOut();
    expect(agents[0]).toMatchObject({ unregistered: true, closed: true });
    expect(service.state).toEqual({ kind: 'signed-out', since: clock.now() });
    expect(service.link).toBeNull();
    network.become('127.0.0.1', '192.0.2.8');
    network.tell('woke');
    service.retryNow();
    service.hasten();
    await clock.advance(86_400_000);
    expect(agents).toHaveLength(1);
    service.signIn();
    await settle();
    expect(service.state.kind).toBe('registered');
  });

  test('a start after it opens no connection, until the person signs in', async () => {
    const { service, clock, agents } = scripted([BINDING]);
    service.start(true);
    await clock.advance(3_600_000);
    expect(service.state.kind).toBe('signed-out');
    expect(agents).toEqual([]);
    service.signIn();
    await settle();
    expect(service.state.kind).toBe('registered');
  });

  test('signing in waits for the end of the binding before, which it could be taken for', async () => {
    const { service, agents } = scripted([BINDING, BINDING]);
    service.start();
    await settle();
    let left: () => void = () => undefined;
    if (agents[0]) agents[0].leaving = new Promise((resolve) => (left = resolve));
    const leaving = service.signOut();
    service.signIn();
    await settle();
    expect(service.state.kind).toBe('connecting');
    expect(agents).toHaveLength(1);
    left();
    await leaving;
    await settle();
    expect(service.state.kind).toBe('registered');
    expect(agents).toHaveLength(2);
  });

  test('and quitting leave no binding behind whose REGISTER is still under way', async () => {
    for (const end of ['signOut', 'stop'] as const) {
      const { service, agents } = scripted([new Promise<Binding>(() => undefined)]);
      service.start();
      await settle();
      await service[end]();
      expect(agents[0]).toMatchObject({ unregistered: true, closed: true });
    }
  });

  test('before the first agent is there, none is made any more', async () => {
    const { service, agents } = scripted([BINDING]);
    service.start();
    await service.signOut();
    await settle();
    expect(agents).toEqual([]);
    expect(service.state.kind).toBe('signed-out');
  });
});

describe('R-REG-08: a changed device name', () => {
  test('is registered on the same flow', async () => {
    const { service, agents } = scripted([BINDING, { ...BINDING, expiresAt: 6_000_000 }]);
    await service.renew();
    service.start();
    await settle();
    await service.renew();
    expect(agents).toHaveLength(1);
    expect(agents[0]?.registers).toBe(2);
    expect(service.state).toMatchObject({ kind: 'registered', expiresAt: 6_000_000 });
  });

  test('that the registrar does not take is like any refusal', async () => {
    const { service } = scripted([BINDING, failure('link.refused')]);
    service.start();
    await settle();
    await service.renew();
    expect(service.state.kind).toBe('refused');
  });
});

describe('the network of this device', () => {
  test('nothing happens while the address of the flow is there, whatever comes beside it', async () => {
    const { service, network, agents } = scripted([BINDING]);
    service.start();
    await settle();
    network.become('127.0.0.1', BINDING.localHost, '198.51.100.4');
    network.become('127.0.0.1', BINDING.localHost);
    expect(service.state.kind).toBe('registered');
    expect(agents[0]?.closed).toBe(false);
  });

  test('another address: not connected at once, a new flow when it has been still for 2 s', async () => {
    const { service, clock, network, agents } = scripted([BINDING, { ...BINDING, localHost: '198.51.100.4' }]);
    service.start();
    await settle();
    network.become('127.0.0.1', '198.51.100.4');
    expect(service.state).toMatchObject({ kind: 'waiting', error: { code: 'link.lost' }, nextTryAt: clock.now() + 2000 });
    expect(service.link).toBeNull();
    expect(agents[0]).toMatchObject({ closed: true, unregistered: false });
    await clock.advance(1000);
    network.become('127.0.0.1', '198.51.100.4', '2001:db8::4');
    await clock.advance(1999);
    expect(agents).toHaveLength(1);
    await clock.advance(1);
    expect(service.state.kind).toBe('registered');
    expect(service.link?.binding.localHost).toBe('198.51.100.4');
  });

  test('one that never comes to rest is tried after 5 s all the same', async () => {
    const { service, clock, network, agents } = scripted([BINDING, BINDING]);
    service.start();
    await settle();
    for (let second = 0; second < 5; second++) {
      network.become('127.0.0.1', `198.51.100.${second}`);
      await clock.advance(1000);
    }
    expect(agents).toHaveLength(2);
  });

  test('no address at all is said as such, and the next one is used without waiting for the back-off', async () => {
    const { service, clock, network } = scripted([BINDING, failure('link.unreachable'), BINDING]);
    service.start();
    await settle();
    network.become('127.0.0.1');
    expect(service.state).toMatchObject({ kind: 'waiting', error: { code: 'link.offline' } });
    await clock.advance(2000);
    expect(service.state).toMatchObject({ kind: 'waiting', error: { code: 'link.offline' } });
    await clock.advance(5000);
    network.become('127.0.0.1', BINDING.localHost);
    await clock.advance(2000);
    expect(service.state.kind).toBe('registered');
  });

  test('none is needed for a server on this device', async () => {
    const { service, clock, network } = scripted([{ ...BINDING, localHost: '127.0.0.1' }, failure('link.unreachable')], false);
    service.start();
    await settle();
    network.become('127.0.0.1');
    expect(service.state.kind).toBe('registered');
    network.tell('woke');
    await clock.advance(2000);
    expect(service.state).toMatchObject({ kind: 'waiting', error: { code: 'link.unreachable' } });
  });

  test('after sleep the old flow is believed no more: settle, new flow, 200, and only then connected', async () => {
    const { service, clock, network, agents } = scripted([BINDING, BINDING]);
    service.start();
    await settle();
    network.tell('woke');
    expect(service.state.kind).toBe('waiting');
    await clock.advance(2000);
    expect(service.state.kind).toBe('registered');
    expect(agents[0]).toMatchObject({ closed: true, unregistered: false });
  });

  test('before sleep the binding is ended, and nothing is tried until it is over', async () => {
    const { service, clock, network, agents } = scripted([BINDING, BINDING]);
    service.start();
    await settle();
    network.tell('sleeping');
    expect(service.state).toMatchObject({ kind: 'waiting', error: { code: 'link.offline' } });
    await settle();
    expect(agents[0]).toMatchObject({ closed: true, unregistered: true });
    await clock.advance(10_000);
    expect(agents).toHaveLength(1);
    network.tell('woke');
    await clock.advance(2000);
    expect(service.state.kind).toBe('registered');
  });

  test('a try on an address that went away is given up; one that is about the account is not taken up', async () => {
    const { service, clock, network, agents } = scripted([new Promise<Binding>(() => undefined), failure('link.credentials')]);
    service.start();
    await settle();
    network.become('127.0.0.1', BINDING.localHost, '198.51.100.4');
    expect(service.state.kind).toBe('connecting');
    network.become('127.0.0.1', '198.51.100.4');
    expect(service.state.kind).toBe('waiting');
    expect(agents[0]?.closed).toBe(true);
    await clock.advance(2000);
    expect(service.state.kind).toBe('refused');
    network.tell('woke');
    await clock.advance(60_000);
    expect(agents).toHaveLength(2);
  });

  test('a server that asked for time is left alone for it', async () => {
    const { service, clock, network, agents } = scripted([failure('link.server', 600_000)]);
    service.start();
    await settle();
    network.tell('woke');
    await clock.advance(599_999);
    expect(agents).toHaveLength(1);
  });

  test('is watched between start and stop', async () => {
    const { service, network } = scripted([BINDING]);
    expect(network.isWatched).toBe(false);
    service.start();
    expect(network.isWatched).toBe(true);
    await service.stop();
    expect(network.isWatched).toBe(false);
  });
});
