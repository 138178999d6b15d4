import { describe, expect, test } from 'vitest';
import { RegistrationService } from '../../../electron/services/registration.ts';
import type { Binding, UserAgent } from '../../../electron/sip/port.ts';
import { type CodedError, ParleyError } from '../../../shared/base/errors.ts';
import { ManualClock, settle } from '../../harness/manual-clock.ts';

const BINDING: Binding = {
  expiresAt: 5_000_000,
  publicGruu: null,
  temporaryGruu: null,
  addresses: ['sip:alice@example.com'],
  localHost: '127.0.0.1',
};

interface Scripted {
  lose: (error: CodedError) => void;
  closed: boolean;
  unregistered: boolean;
}

/** Agents that answer by a script: a binding, or the error to fail with. */
function scripted(answers: (Binding | ParleyError)[]) {
  const clock = new ManualClock();
  const agents: Scripted[] = [];
  const service = new RegistrationService({
    clock,
    random: () => 0.5,
    log: () => undefined,
    createAgent() {
      const answer = answers.shift();
      const agent: Scripted = { lose: () => undefined, closed: false, unregistered: false };
      agents.push(agent);
      return {
        register: async () => {
          if (!answer || answer instanceof ParleyError) throw answer ?? new ParleyError('link.unreachable', 'nobody there');
          return answer;
        },
        unregister: async () => {
          agent.unregistered = true;
        },
        close: async () => {
          agent.closed = true;
        },
        events: {
          onLost: (listener: (error: CodedError) => void) => {
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
  return { service, clock, agents };
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
    agents[0]?.lose({ code: 'link.lost', detail: 'reset' });
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
    agents[0]?.lose({ code: 'link.lost', detail: 'late' });
    await clock.advance(3_600_000);
    expect(service.state.kind).toBe('offline');
    expect(agents).toHaveLength(1);
  });

  test('an account that no agent can be made for is refused, not tried for ever nor left connecting', async () => {
    const clock = new ManualClock();
    const createAgent = () => {
      throw new Error('no URI');
    };
    const service = new RegistrationService({ clock, random: () => 0.5, log: () => undefined, createAgent });
    service.start();
    await settle();
    expect(service.state).toMatchObject({ kind: 'refused', error: { code: 'link.refused', detail: 'no URI' } });
    expect(clock.nextIn).toBeNull();
  });
});
