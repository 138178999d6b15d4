import { connect } from 'node:net';
import { listen } from './copies.ts';
import type { Job, Side } from './job.ts';
import { quantile } from './job.ts';

const ANSWER = 100;

/** Requests of `job.size` octets, `outstanding` of them unanswered: what loopback and event loop allow without any protocol. */
async function echo(job: Job, outstanding: number): Promise<Side> {
  const { port, accepted } = await listen(job);
  const request = Buffer.alloc(job.size, 'x');
  return {
    contact: port,
    run: async () => {
      const socket = await accepted;
      const times: number[] = [];
      await new Promise<void>((resolve) => {
        let sent = 0;
        let answered = 0;
        let octets = 0;
        let at = 0;
        const send = (count: number): void => {
          at = performance.now();
          if (outstanding > 1) socket.cork();
          for (let n = 0; n < count && sent < job.count; n++, sent++) socket.write(request);
          if (outstanding > 1) socket.uncork();
        };
        socket.on('data', (answer: Buffer) => {
          octets += answer.length;
          const whole = Math.floor(octets / ANSWER) - answered;
          answered += whole;
          if (outstanding === 1) times.push(performance.now() - at);
          if (answered === job.count) resolve();
          else send(whole);
        });
        send(outstanding);
      });
      socket.end();
      return { p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
    },
  };
}

export const echoSend = (job: Job): Promise<Side> => echo(job, 32);
export const lonelyEchoSend = (job: Job): Promise<Side> => echo(job, 1);

export async function echoReceive(job: Job): Promise<Side> {
  const answer = Buffer.alloc(ANSWER, 'y');
  return {
    contact: null,
    run: (port) =>
      new Promise<void>((resolve) => {
        let octets = 0;
        let answered = 0;
        const socket = connect({ port: port as number, host: '127.0.0.1', noDelay: true });
        socket.on('data', (request: Buffer) => {
          octets += request.length;
          const whole = Math.floor(octets / job.size) - answered;
          answered += whole;
          if (whole > 1) socket.cork();
          for (let n = 0; n < whole; n++) socket.write(answer);
          if (whole > 1) socket.uncork();
          if (answered === job.count) resolve();
        });
      }),
  };
}
